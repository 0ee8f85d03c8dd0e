#!/usr/bin/env bash
# make-stubs.sh DIR: text stubs (.tbd, version 4) that name the symbols of the macOS libraries a linker on
# another system does not have. They hold no code: the Mac's own libraries are bound when the program starts.
set -euo pipefail
dir=$1
lib=$dir/usr/lib
foundation=$dir/System/Library/Frameworks/Foundation.framework
mkdir -p "$lib" "$foundation"

stub() { # file, install name, symbols...
    local file=$1 name=$2 symbols
    shift 2
    symbols=$(printf ', %s' "$@")
    cat >"$file" <<TBD
--- !tapi-tbd
tbd-version: 4
targets: [ x86_64-macos, arm64-macos ]
install-name: '$name'
exports:
  - targets: [ x86_64-macos, arm64-macos ]
    symbols: [ ${symbols#, } ]
...
TBD
}

stub "$lib/libEndpointSecurity.tbd" /usr/lib/libEndpointSecurity.dylib \
    _es_new_client _es_delete_client _es_subscribe _es_unsubscribe _es_unsubscribe_all _es_subscriptions \
    _es_clear_cache _es_retain_message _es_release_message _es_copy_message _es_free_message _es_message_size \
    _es_respond_auth_result _es_respond_flags_result \
    _es_exec_arg _es_exec_arg_count _es_exec_env _es_exec_env_count _es_exec_fd _es_exec_fd_count \
    _es_mute_process _es_unmute_process _es_mute_process_events _es_unmute_process_events \
    _es_muted_processes _es_muted_processes_events _es_release_muted_processes \
    _es_mute_path _es_unmute_path _es_mute_path_events _es_unmute_path_events \
    _es_mute_path_prefix _es_mute_path_literal _es_unmute_all_paths _es_unmute_all_target_paths \
    _es_muted_paths_events _es_release_muted_paths _es_invert_muting _es_muting_inverted
stub "$lib/libbsm.tbd" /usr/lib/libbsm.0.dylib \
    _audit_token_to_auid _audit_token_to_euid _audit_token_to_egid _audit_token_to_ruid _audit_token_to_rgid \
    _audit_token_to_pid _audit_token_to_asid _audit_token_to_pidversion
stub "$lib/libobjc.tbd" /usr/lib/libobjc.A.dylib _objc_msgSend _objc_retain _objc_release _objc_getClass _sel_registerName
stub "$lib/libiconv.tbd" /usr/lib/libiconv.2.dylib _iconv
stub "$foundation/Foundation.tbd" /System/Library/Frameworks/Foundation.framework/Versions/C/Foundation _NSLog
