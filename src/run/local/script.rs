//! Scripts: the program that runs them, and what it is given.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::{Failure, Local, disk};
use crate::api::ScriptLanguage;

/// Longest text that can be one argument of a program.
const LONGEST_ARGUMENT: usize = 100 << 10;
/// Names that mean something else to bash than the program of that name, or that are no program.
const OF_BASH: &[&str] = &[
    "alias",
    "bg",
    "bind",
    "break",
    "builtin",
    "caller",
    "case",
    "cd",
    "command",
    "compgen",
    "complete",
    "compopt",
    "continue",
    "coproc",
    "declare",
    "dirs",
    "disown",
    "do",
    "done",
    "echo",
    "elif",
    "else",
    "enable",
    "esac",
    "eval",
    "exec",
    "exit",
    "export",
    "false",
    "fc",
    "fg",
    "fi",
    "for",
    "function",
    "getopts",
    "hash",
    "help",
    "history",
    "if",
    "in",
    "jobs",
    "kill",
    "let",
    "local",
    "logout",
    "mapfile",
    "popd",
    "printf",
    "pushd",
    "pwd",
    "read",
    "readarray",
    "readonly",
    "return",
    "select",
    "set",
    "shift",
    "shopt",
    "source",
    "suspend",
    "test",
    "then",
    "time",
    "times",
    "trap",
    "true",
    "type",
    "typeset",
    "ulimit",
    "umask",
    "unalias",
    "unset",
    "until",
    "wait",
    "while",
];

impl Local<'_> {
    /// A script that is one plain command needs no shell. A short one is an argument; a long one is a file.
    pub(super) async fn script(
        &self,
        language: ScriptLanguage,
        source: &str,
        requirements: &[String],
        folder: &Path,
        tell: &dyn Fn(&str),
    ) -> Result<(PathBuf, Vec<String>), Failure> {
        let program = match language {
            ScriptLanguage::Bash => {
                if let Some(command) = self.plain_command(source) {
                    return Ok(command);
                }
                "bash".into()
            }
            ScriptLanguage::Python => {
                let made = self.environments.interpreter(requirements, tell).await;
                made.map_err(|error| self.known(Failure::infrastructure(error.to_string())))?
            }
        };
        if language == ScriptLanguage::Bash && source.len() < LONGEST_ARGUMENT {
            return Ok((program, vec!["-c".into(), source.to_owned(), "script".into()]));
        }
        let place = self.folder.descend(&self.inside(folder)).map_err(|error| disk(&error))?;
        let written = place.create("script").and_then(|mut file| file.write_all(source.as_bytes()));
        written.map_err(|error| disk(&error))?;
        Ok((program, vec![folder.join("script").display().to_string()]))
    }

    /// The program and arguments of a script in which bash would find nothing to do but to start them.
    fn plain_command(&self, source: &str) -> Option<(PathBuf, Vec<String>)> {
        let mut words = plain_words(source)?.into_iter();
        let name = words.next()?;
        self.programs.find(Path::new(&name), &self.settings.env).filter(|file| is_binary(file))?;
        Some((name.into(), words.collect()))
    }
}

/// Words that bash takes as they are, if the whole script is one command made of them.
fn plain_words(source: &str) -> Option<Vec<String>> {
    let source = source.trim();
    let plain = |c: char| c.is_ascii_alphanumeric() || " _-./:,+@%=".contains(c);
    if source.is_empty() || !source.chars().all(plain) {
        return None;
    }
    let words: Vec<String> = source.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect();
    let name = words.first()?;
    let known = OF_BASH.contains(&name.as_str()) || name.contains(['/', '=']) || name == "." || name == ":";
    (!known).then_some(words)
}

/// Whether a program can be started without a shell that reads it: what has no `#!` line and is no binary cannot.
fn is_binary(file: &Path) -> bool {
    let mut start = [0; 4];
    let read =
        std::fs::File::open(file).and_then(|mut file| std::io::Read::read_exact(&mut file, &mut start));
    read.is_ok() && (start == *b"\x7fELF" || start.starts_with(b"#!"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_commands_do_without_a_shell() {
        let words = |text: &str| plain_words(text).map(|words| words.join("|"));
        assert_eq!(words(" python train.py --depth=3\n").as_deref(), Some("python|train.py|--depth=3"));
        for other in [
            "",
            "echo hello",
            "a=1 run",
            "touch a; touch b",
            "touch a\ntouch b",
            "touch $x",
            "ls *.csv",
            "cat <in",
            "touch 'a b'",
            "cd data",
            "ls ~",
            "./run.sh",
            "true",
            "# note",
            "if",
            "ls \\a",
            "ls {a,b}",
            "test -f x",
        ] {
            assert_eq!(words(other), None, "{other}");
        }
    }
}
