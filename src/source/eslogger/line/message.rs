//! A line as a message of Endpoint Security.

use super::{Body, Exec, File, Line, Process, Read, Token};
use crate::event::Timestamp;
use crate::source::endpoint_security as es;
use crate::source::eslogger::error::Error;
use crate::source::eslogger::loose::Loose;

impl<'a> Line<'a> {
    /// The message, or the name of an event that osawatch does not use.
    pub(in crate::source::eslogger) fn message(self) -> Result<Read<'a>, Error> {
        let time = self.time.0.ok_or(Error::NoTime)?;
        let time = Timestamp::parse(&time).ok_or_else(|| Error::BadTime(time.into_owned()))?;
        let event = match self.event {
            Body::Exec(exec) => es::Notification::Exec(Box::new(exec.exec()?)),
            Body::Fork(fork) => es::Notification::Fork(Box::new(es::Fork { child: fork.child.process()? })),
            Body::Exit(exit) => es::Notification::Exit(es::Exit { stat: exit.stat.0 }),
            Body::Other(name) => return Ok(Read::Skipped(name)),
        };
        Ok(Read::Message(es::Message {
            time,
            version: self.version.0,
            seq_num: self.seq_num.0,
            global_seq_num: self.global_seq_num.0,
            process: self.process.0.ok_or(Error::NoToken)?.process()?,
            event,
        }))
    }
}

impl<'a> Exec<'a> {
    fn exec(self) -> Result<es::Exec<'a>, Error> {
        Ok(es::Exec {
            target: self.target.process()?,
            args: self.args.0,
            args_count: None,
            args_left_out: 0,
            env: self.env.0,
            cwd: self.cwd.0.and_then(File::file),
            script: self.script.0.and_then(File::file),
            descriptors: self.fds.0.unwrap_or_default().0,
        })
    }
}

impl<'a> Process<'a> {
    fn process(self) -> Result<es::Process<'a>, Error> {
        let token = |token: Loose<Token>| token.0.and_then(Token::token);
        Ok(es::Process {
            audit_token: token(self.audit_token).ok_or(Error::NoToken)?,
            parent_audit_token: token(self.parent_audit_token),
            responsible_audit_token: token(self.responsible_audit_token),
            ppid: self.ppid.0,
            original_ppid: self.original_ppid.0,
            group_id: self.group_id.0,
            session_id: self.session_id.0,
            codesigning_flags: self.codesigning_flags.0,
            is_platform_binary: self.is_platform_binary.0,
            cdhash: self.cdhash.0,
            signing_id: self.signing_id.0,
            team_id: self.team_id.0,
            executable: self.executable.0.and_then(File::file),
            tty: self.tty.0.and_then(File::file),
            start_time: self.start_time.0,
        })
    }
}

impl<'a> File<'a> {
    fn file(self) -> Option<es::File<'a>> {
        let device = self.stat.0.and_then(|stat| stat.st_rdev.0);
        Some(es::File { path: self.path.0?, path_truncated: self.path_truncated.0 == Some(true), device })
    }
}
