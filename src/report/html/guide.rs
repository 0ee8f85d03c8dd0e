//! The triage guide of a rule as a checklist. It is Markdown of a rule author: headings and lists are rendered, the
//! rest is text.

use std::fmt::Write;

use super::escape::escaped;

/// The guide, rendered.
pub(super) fn checklist(out: &mut String, note: &str) {
    let mut item = String::new();
    let mut in_list = false;
    for line in note.lines().map(str::trim_end).chain([""]) {
        let text = line.trim_start();
        let is_more = !item.is_empty() && !text.is_empty() && !text.starts_with("- ") && !text.starts_with('#');
        if is_more {
            item = format!("{item} {text}");
            continue;
        }
        if !item.is_empty() {
            let _ = writeln!(out, "<li>{}</li>", inline(&std::mem::take(&mut item)));
        }
        match (text.strip_prefix("- "), text.starts_with('#')) {
            (Some(first), _) => {
                *out += if in_list { "" } else { "<ul class=\"checks\">\n" };
                in_list = true;
                item = first.to_owned();
            }
            (None, true) => {
                *out += if std::mem::take(&mut in_list) { "</ul>\n" } else { "" };
                let _ = writeln!(out, "<h4>{}</h4>", inline(text.trim_start_matches('#').trim()));
            }
            (None, false) if text.is_empty() => {}
            (None, false) => {
                *out += if std::mem::take(&mut in_list) { "</ul>\n" } else { "" };
                let _ = writeln!(out, "<p>{}</p>", inline(text));
            }
        }
    }
    *out += if in_list { "</ul>\n" } else { "" };
}

/// Text with what is between backquotes as code.
fn inline(text: &str) -> String {
    let parts = text.split('`').collect::<Vec<_>>();
    let is_code = |at: usize| at % 2 == 1 && at + 1 < parts.len();
    let part = |(at, part): (usize, &&str)| match is_code(at) {
        true => format!("<code>{}</code>", escaped(part)),
        false => escaped(part),
    };
    parts.iter().enumerate().map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_lists_and_code_are_rendered_and_the_rest_is_text() {
        let mut out = String::new();
        checklist(&mut out, "## Look\n- The `-e`\n  <b>script</b>\n- Two\n\n## Then\ntext");
        let expected = "<h4>Look</h4>\n<ul class=\"checks\">\n<li>The <code>-e</code> &lt;b&gt;script&lt;/b&gt;</li>\n<li>Two</li>\n</ul>\n<h4>Then</h4>\n<p>text</p>\n";
        assert_eq!(out, expected);
    }
}
