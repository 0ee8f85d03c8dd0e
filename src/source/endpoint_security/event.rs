//! A message to an event.

use std::borrow::Cow;

use super::entity_ids::EntityIds;
use super::message::{Exec, File, Message, Notification, Process};
use crate::event::{AuditToken, Categories, Event, Field, Machine, field};

/// How many environment variables an event keeps.
const MAX_ENV_VARS: usize = 100;

/// Bytes of text that most events have room for from the start.
const TEXT: usize = 1024;

/// `CS_VALID` of XNU's `cs_blobs.h`: the signature held so far. FACT: signature-flags
const CS_VALID: i64 = 0x0000_0001;
/// `CS_ADHOC` of XNU's `cs_blobs.h`: a signature without a certificate. FACT: signature-flags
const CS_ADHOC: i64 = 0x0000_0002;
/// `CS_SIGNED` of XNU's `cs_blobs.h`: there is a signature. FACT: signature-flags
const CS_SIGNED: i64 = 0x2000_0000;

/// Makes events of the messages of one machine.
#[derive(Clone, Debug)]
pub(crate) struct Translator {
    ids: EntityIds,
    host_name: Option<String>,
    /// `event.provider`: who delivers the messages.
    provider: &'static str,
}

impl Translator {
    /// For messages from this machine, that this provider delivers. A message states no host.
    pub(crate) fn new(machine: Machine, host_name: Option<String>, provider: &'static str) -> Translator {
        Translator { ids: EntityIds::new(machine.named()), host_name, provider }
    }

    /// The event of a message.
    pub(crate) fn event(&self, message: &Message<'_>) -> Event {
        let mut event = Event::with_room(message.time, Categories::PROCESS, TEXT);
        match &message.event {
            Notification::Exec(exec) => {
                self.open(&mut event, "exec", "start");
                self.push_process(&mut event, &exec.target);
                self.push_parent_token(&mut event, &exec.target);
                self.push_id(&mut event, field::REPLACED_ENTITY_ID, message.process.audit_token);
                push_exec(&mut event, exec);
            }
            Notification::Fork(fork) => {
                self.open(&mut event, "fork", "start");
                self.push_process(&mut event, &fork.child);
                self.push_token_of_parent(&mut event, message.process.audit_token);
                push_executable(&mut event, &message.process, field::PARENT_NAME, field::PARENT_EXECUTABLE);
            }
            Notification::Exit(exit) => {
                self.open(&mut event, "end", "end");
                self.push_process(&mut event, &message.process);
                self.push_parent_token(&mut event, &message.process);
                event.push_display(field::PROCESS_END, message.time);
                push_int(&mut event, field::EXIT_STATUS, exit.stat);
                // WIFEXITED and WEXITSTATUS of wait(2): the low seven bits name a signal.
                if let Some(stat) = exit.stat.filter(|stat| stat & 0x7f == 0) {
                    event.push_int(field::PROCESS_EXIT_CODE, (stat >> 8) & 0xff);
                }
            }
        }
        push_int(&mut event, field::MESSAGE_VERSION, message.version);
        push_int(&mut event, field::SEQ_NUM, number(message.seq_num));
        push_int(&mut event, field::GLOBAL_SEQ_NUM, number(message.global_seq_num));
        event
    }

    /// What every event states first.
    fn open(&self, event: &mut Event, action: &str, kind: &str) {
        let machine = self.ids.machine();
        for (field, value) in [
            (field::EVENT_KIND, "event"),
            (field::EVENT_CATEGORY, "process"),
            (field::EVENT_TYPE, kind),
            (field::EVENT_ACTION, action),
            (field::EVENT_MODULE, "osawatch"),
            (field::EVENT_PROVIDER, self.provider),
            (field::HOST_ID, &machine.host_id),
            (field::HOST_NAME, self.host_name.as_deref().unwrap_or_default()),
            (field::HOST_HOSTNAME, self.host_name.as_deref().unwrap_or_default()),
            (field::HOST_BOOT_ID, &machine.boot_id),
            (field::HOST_OS_TYPE, "macos"),
        ] {
            push_text(event, field, value);
        }
    }

    fn push_id(&self, event: &mut Event, field: Field, token: AuditToken) {
        self.ids.with(token, |id| event.push_str(field, id));
    }

    /// The process that the event is about.
    fn push_process(&self, event: &mut Event, process: &Process<'_>) {
        let token = process.audit_token;
        self.push_id(event, field::PROCESS_ENTITY_ID, token);
        event.push_int(field::PROCESS_PID, token.pid().into());
        event.push_int(field::PIDVERSION, token.pidversion().into());
        push_executable(event, process, field::PROCESS_NAME, field::PROCESS_EXECUTABLE);
        if process.executable.as_ref().is_some_and(|file| file.path_truncated) {
            event.push_bool(field::PATH_TRUNCATED, true);
        }
        push_text(event, field::PROCESS_START, text(&process.start_time));
        event.push_display(field::AUDIT_TOKEN, token);
        push_signature(event, process);
        push_int(event, field::PROCESS_GROUP_LEADER_PID, process.group_id);
        push_int(event, field::PROCESS_SESSION_LEADER_PID, process.session_id);
        push_users(event, token);
        push_tty(event, process.tty.as_ref());
        if let Some(flag) = process.is_platform_binary {
            event.push_bool(field::IS_PLATFORM_BINARY, flag);
        }
        self.push_responsible(event, process, token);
    }

    /// The parent as the process itself names it: by token from message version 4, by pid alone before.
    fn push_parent_token(&self, event: &mut Event, process: &Process<'_>) {
        match process.parent_audit_token {
            Some(parent) => self.push_token_of_parent(event, parent),
            None => push_int(event, field::PARENT_PID, process.ppid),
        }
        let parent = process.parent_audit_token.map(|parent| parent.pid().into()).or(process.ppid);
        push_int(event, field::ORIGINAL_PARENT_PID, process.original_ppid.filter(|first| Some(*first) != parent));
    }

    fn push_token_of_parent(&self, event: &mut Event, parent: AuditToken) {
        self.push_id(event, field::PARENT_ENTITY_ID, parent);
        event.push_int(field::PARENT_PID, parent.pid().into());
        event.push_int(field::PARENT_PIDVERSION, parent.pidversion().into());
    }

    /// The responsible process. macOS names the process itself when there is no other, or when that one
    /// has exited. Pids are compared, not executions: a token from before an exec is still the process's.
    /// FACT: responsible-self
    fn push_responsible(&self, event: &mut Event, process: &Process<'_>, token: AuditToken) {
        let responsible = process.responsible_audit_token;
        let Some(responsible) = responsible.filter(|responsible| responsible.pid() != token.pid()) else { return };
        for (id_field, pid_field) in [
            (field::EFFECTIVE_PARENT_ENTITY_ID, field::EFFECTIVE_PARENT_PID),
            (field::EFFECTIVE_PROCESS_ENTITY_ID, field::EFFECTIVE_PROCESS_PID),
        ] {
            self.push_id(event, id_field, responsible);
            event.push_int(pid_field, responsible.pid().into());
        }
        event.push_int(field::RESPONSIBLE_PIDVERSION, responsible.pidversion().into());
    }
}

/// What only the start of a program states.
fn push_exec(event: &mut Event, exec: &Exec<'_>) {
    if let Some(args) = &exec.args {
        args.iter().for_each(|arg| event.push_str(field::PROCESS_ARGS, arg));
        event.push_int(field::PROCESS_ARGS_COUNT, exec.args_count.unwrap_or(args.len()) as i64);
        push_text(event, field::PROCESS_COMMAND_LINE, &args.join(" "));
    }
    push_text(event, field::PROCESS_WORKING_DIRECTORY, path(exec.cwd.as_ref()));
    push_text(event, field::SCRIPT_PATH, path(exec.script.as_ref()));
    let [input, output, error] = exec.descriptors;
    for (field, descriptor) in [(field::STDIN_TYPE, input), (field::STDOUT_TYPE, output), (field::STDERR_TYPE, error)] {
        push_text(event, field, descriptor.kind.unwrap_or_default());
    }
    // Its numbers come to more than a signed one holds.
    for (field, descriptor) in [(field::STDIN_PIPE, input), (field::STDOUT_PIPE, output)] {
        if let Some(pipe) = descriptor.pipe {
            event.push_display(field, pipe);
        }
    }
    if exec.args_left_out > 0 {
        event.push_int(field::ARGS_LEFT_OUT, exec.args_left_out as i64);
    }
    for variable in exec.env.iter().flatten().take(MAX_ENV_VARS) {
        event.push_str(field::PROCESS_ENV_VARS, variable);
    }
}

fn push_executable(event: &mut Event, process: &Process<'_>, name_field: Field, path_field: Field) {
    let path = path(process.executable.as_ref());
    push_text(event, name_field, path.rsplit('/').next().unwrap_or_default());
    push_text(event, path_field, path);
}

fn push_signature(event: &mut Event, process: &Process<'_>) {
    // Without a signature Endpoint Security reports zeros, which would relate all such programs to each other.
    let cdhash = text(&process.cdhash).to_ascii_lowercase();
    push_text(event, field::PROCESS_CDHASH, if cdhash.bytes().all(|digit| digit == b'0') { "" } else { &cdhash });
    push_text(event, field::PROCESS_SIGNING_ID, text(&process.signing_id));
    push_text(event, field::PROCESS_TEAM_ID, text(&process.team_id));
    if let Some(flags) = process.codesigning_flags {
        event.push_bool(field::PROCESS_SIGNATURE_EXISTS, flags & CS_SIGNED != 0);
        event.push_bool(field::PROCESS_SIGNATURE_VALID, flags & CS_VALID != 0);
        if let Some(is_trusted) = trust(flags, process.is_platform_binary) {
            event.push_bool(field::PROCESS_SIGNATURE_TRUSTED, is_trusted);
        }
        let [no_error, not_signed] = field::SIGNATURE_STATUS;
        match trust(flags, process.is_platform_binary) {
            Some(true) => event.push_str(field::PROCESS_SIGNATURE_STATUS, no_error),
            _ if flags & CS_SIGNED == 0 => event.push_str(field::PROCESS_SIGNATURE_STATUS, not_signed),
            _ => {}
        }
        event.push_display(field::PROCESS_SIGNATURE_FLAGS, flags);
    }
}

/// Whether the chain of certificates ends at one that macOS trusts, where the kernel's flags show it. For a
/// developer's signature they do not: another service checks its certificates. FACT: signature-trust
fn trust(flags: i64, is_platform_binary: Option<bool>) -> Option<bool> {
    let holds = flags & (CS_SIGNED | CS_VALID) == CS_SIGNED | CS_VALID;
    match is_platform_binary? {
        true => Some(holds),
        false if flags & CS_SIGNED == 0 || flags & CS_ADHOC != 0 => Some(false),
        false => None,
    }
}

fn push_users(event: &mut Event, token: AuditToken) {
    event.push_display(field::USER_ID, token.ruid());
    if token.euid() != token.ruid() {
        event.push_display(field::USER_EFFECTIVE_ID, token.euid());
    }
    event.push_display(field::PROCESS_REAL_USER_ID, token.ruid());
    event.push_display(field::PROCESS_USER_ID, token.euid());
    event.push_display(field::GROUP_ID, token.rgid());
    event.push_display(field::PROCESS_GROUP_ID, token.rgid());
}

fn push_tty(event: &mut Event, tty: Option<&File<'_>>) {
    push_text(event, field::TTY_PATH, path(tty));
    // `major` and `minor` of XNU's sys/types.h; a `dev_t` has 32 bits. FACT: device-numbers
    if let Some(device) = tty.and_then(|tty| tty.device) {
        event.push_int(field::PROCESS_TTY_MAJOR, (device >> 24) & 0xff);
        event.push_int(field::PROCESS_TTY_MINOR, device & 0xff_ffff);
    }
}

fn push_text(event: &mut Event, field: Field, text: &str) {
    if !text.is_empty() {
        event.push_str(field, text);
    }
}

fn push_int(event: &mut Event, field: Field, number: Option<i64>) {
    if let Some(number) = number {
        event.push_int(field, number);
    }
}

/// No stream comes to a number that a signed one cannot hold.
fn number(number: Option<u64>) -> Option<i64> {
    number.and_then(|number| i64::try_from(number).ok())
}

fn text<'t>(text: &'t Option<Cow<'_, str>>) -> &'t str {
    text.as_deref().unwrap_or_default()
}

fn path<'t>(file: Option<&'t File<'_>>) -> &'t str {
    file.map_or("", |file| &file.path)
}
