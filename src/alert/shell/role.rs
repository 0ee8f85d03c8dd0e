//! Where the words of a redirection go.

/// Where the next word goes.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    #[default]
    Argument,
    Input,
    Output,
    /// The mark of a here-document.
    Document,
    /// An output other than the standard one.
    Ignored,
}

impl Role {
    /// Of what follows a redirection: `<` or `>`, how often, and the descriptor before it.
    pub(super) fn of(kind: &str, times: usize, descriptor: Option<&str>) -> Role {
        match (kind, times, descriptor) {
            ("<", 2, None | Some("0")) => Role::Document,
            ("<", _, None | Some("0")) => Role::Input,
            (">", _, None | Some("1")) => Role::Output,
            _ => Role::Ignored,
        }
    }
}
