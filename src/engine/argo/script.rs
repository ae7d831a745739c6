//! Commands of scripts, which put broken-up braces back.

use super::text::BRACE_MARKER;
use crate::api::ScriptLanguage;

/// The command of a script; the path of the source is its last argument.
pub(crate) fn command(language: ScriptLanguage, braces_broken: bool) -> Vec<String> {
    let words: Vec<String> = match (language, braces_broken) {
        (ScriptLanguage::Python, false) => vec!["python".into()],
        (ScriptLanguage::Bash, false) => vec!["bash".into()],
        (ScriptLanguage::Python, true) => vec![
            "python".into(),
            "-c".into(),
            format!(
                "import sys; sys.argv.pop(0); exec(compile(open(sys.argv[0], encoding='utf-8').read()\
                 .replace('{BRACE_MARKER}', chr(123)), sys.argv[0], 'exec'))"
            ),
        ],
        (ScriptLanguage::Bash, true) => {
            vec!["bash".into(), "-c".into(), format!("source <(sed 's/{BRACE_MARKER}/{{/g' \"$0\")")]
        }
    };
    words
}
