//! Scripts: installing what they need.

use crate::api::ScriptLanguage;

/// The source with an installation of its requirements in front.
pub(crate) fn with_requirements(language: ScriptLanguage, source: &str, requirements: &[String]) -> String {
    if requirements.is_empty() {
        return source.to_owned();
    }
    match language {
        ScriptLanguage::Python => python(source, requirements),
        ScriptLanguage::Bash => {
            let quoted: Vec<String> =
                requirements.iter().map(|name| format!("'{}'", name.replace('\'', "'\\''"))).collect();
            // Standard output is the step's result, so pip must not write there.
            format!("python -m pip install --quiet {} >&2 || exit 1\n{source}", quoted.join(" "))
        }
    }
}

/// Packages of exactly the wanted version are not installed again; everything else is left to pip.
fn python(source: &str, requirements: &[String]) -> String {
    let list: Vec<String> = requirements.iter().map(|name| serde_json::json!(name).to_string()).collect();
    let (futures, rest) = split_futures(source);
    format!(
        r#"{futures}# Installs what the script needs and the image lacks.
import importlib.metadata, subprocess, sys
def _couler_lacks(requirement):
    name, _, version = requirement.partition("==")
    try:
        return importlib.metadata.version(name.split("[")[0]) != version
    except Exception:
        return True
_couler_needs = [requirement for requirement in [{}] if _couler_lacks(requirement)]
if _couler_needs:
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", *_couler_needs], check=True, stdout=sys.stderr)

{rest}"#,
        list.join(", ")
    )
}

/// `from __future__` must stand in front of all other statements; the lines of the rest keep their numbers.
fn split_futures(source: &str) -> (String, String) {
    let is_future = |line: &str| line.starts_with("from __future__ import ") && !line.contains('(');
    if !source.lines().any(is_future) {
        return (String::new(), source.to_owned());
    }
    let mut futures = String::new();
    let mut rest = String::with_capacity(source.len());
    for line in source.split_inclusive('\n') {
        if is_future(line) {
            futures.push_str(line.trim_end());
            futures.push('\n');
            rest.push('\n');
        } else {
            rest.push_str(line);
        }
    }
    (futures, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_added_without_requirements() {
        assert_eq!(with_requirements(ScriptLanguage::Python, "print(1)", &[]), "print(1)");
    }

    #[test]
    fn bash_installs_without_touching_standard_output() {
        assert_eq!(
            with_requirements(ScriptLanguage::Bash, "ls\n", &["a==1".into(), "b>=2".into()]),
            "python -m pip install --quiet 'a==1' 'b>=2' >&2 || exit 1\nls\n"
        );
    }

    #[test]
    fn future_imports_stay_first() {
        let source = "'''Doc.'''\nfrom __future__ import annotations\nprint(1)\n";
        let text = with_requirements(ScriptLanguage::Python, source, &["a==1".into()]);
        assert!(text.starts_with("from __future__ import annotations\n# Installs"));
        assert!(text.ends_with("'''Doc.'''\n\nprint(1)\n"));
    }
}
