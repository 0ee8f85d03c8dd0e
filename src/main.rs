//! The osawatch command.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    osawatch::cli::main(std::env::args_os())
}
