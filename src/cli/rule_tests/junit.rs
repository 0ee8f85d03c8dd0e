//! Test results as JUnit XML, which every CI reads.

use super::suite::{Tested, Verdict};

/// The document. `score` is how the mutation score was judged, if it was.
pub(super) fn xml(tested: &[Tested<'_>], score: Option<&Verdict>) -> String {
    let verdicts = tested.iter().map(|tested| &tested.verdict).chain(score);
    let failures = verdicts.filter(|verdict| matches!(verdict, Verdict::Failed(_))).count();
    let errors = tested.iter().filter(|tested| matches!(tested.verdict, Verdict::Error(_))).count();
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <testsuites name=\"osawatch rules\" tests=\"{}\" failures=\"{failures}\" errors=\"{errors}\">\n",
        tested.len() + usize::from(score.is_some())
    );
    for suite in tested.chunk_by(|one, other| one.suite.rule.id == other.suite.rule.id) {
        out += &format!("  <testsuite name=\"{}\" tests=\"{}\">\n", escaped(&suite[0].suite.rule.id), suite.len());
        for Tested { suite, name, verdict } in suite {
            let (id, file) = (escaped(&suite.rule.id), escaped(&suite.rule.origin));
            out += &format!("    <testcase classname=\"{id}\" name=\"{}\" file=\"{file}\"", escaped(name));
            out += &ending(verdict);
        }
        out += "  </testsuite>\n";
    }
    if let Some(verdict) = score {
        out += "  <testsuite name=\"mutation score\" tests=\"1\">\n";
        out += "    <testcase classname=\"osawatch rules\" name=\"mutation score\"";
        out += &ending(verdict);
        out += "  </testsuite>\n";
    }
    out + "</testsuites>\n"
}

/// The rest of the element of a case.
fn ending(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Passed => "/>\n".to_owned(),
        Verdict::Failed(why) => format!(">\n      <failure message=\"{}\"/>\n    </testcase>\n", escaped(why)),
        Verdict::Error(why) => format!(">\n      <error message=\"{}\"/>\n    </testcase>\n", escaped(why)),
    }
}

/// Text in an attribute; what XML cannot hold at all is replaced.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\n' | '\t' => out += " ",
            c if c < ' ' || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
