//! Arguments of an image that the text spells out: `--input s3://raw/logs`.

use std::sync::LazyLock;

use regex::Regex;

use super::images::images;

static FLAG: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?:^|[\s(,"'`])(--?[A-Za-z][\w-]*)(=(?:"[^"]*"|'[^']*'|[^\s,;"'`]+))?"#)
        .expect("the pattern is valid")
});
static VALUE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"^[\s]+(?:"([^"]*)"|'([^']*)'|`([^`]*)`|([^\s,;]+))"#).expect("the pattern is valid")
});
static OF: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?i)^[\s"'`]*,?\s*(?:and|with|set to|followed by|plus|equal to|=|being|is)?\s*(?:the )?(?:value|name|content)s? of (?:the )?(?:workflow )?(?:parameter )?["'`]?([\w-]+)"#)
        .expect("the pattern is valid")
});
/// "The arguments --date and `run_date`", where the second is a parameter.
static AND_PARAMETER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"(?i)^["'`]?,?\s+(?:(?:and|with|followed by|plus|set to|being|is|=)\s+)?["'`]?([\w-]+)["'`]?"#,
    )
    .expect("the pattern is valid")
});
static COMMAND: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(commands?|cmd|executes?|python3?|bash|sh|java|node|mpirun|torchrun|entry ?point|befehl|commande|comando|comando|script)\b")
        .expect("the pattern is valid")
});

/// Words that end the arguments instead of being one.
const STOPS: [&str; 44] = [
    "and", "then", "with", "as", "for", "on", "the", "a", "an", "to", "in", "of", "at", "so", "but", "or",
    "is", "it", "which", "that", "before", "after", "followed", "while", "until", "over", "again", "every",
    "each", "und", "mit", "dann", "für", "et", "puis", "avec", "pour", "y", "con", "luego", "e", "com",
    "per", "where",
];

/// The flags behind the image with their values, in the order of the text; `None` if there are none, or if a command
/// is spelled out that they may belong to.
pub(in crate::nl) fn stated_arguments(
    text: &str,
    mapped: bool,
    parameters: &[String],
) -> Option<Vec<String>> {
    let found = images(text);
    let [image] = &found[..] else { return None };
    let tail = &text[image.end..];
    let tail = sentence(tail);
    if COMMAND.is_match(tail) {
        return None;
    }
    let mut arguments = Vec::new();
    for captures in FLAG.captures_iter(tail) {
        let flag = captures.get(1)?;
        if let Some(joined) = captures.get(2) {
            let joined = joined.as_str().trim_end_matches(['.', ',', ')']);
            arguments.push(format!("{}{}", flag.as_str(), joined.replace(['"', '\''], "")));
            continue;
        }
        arguments.push(flag.as_str().to_owned());
        let rest = &tail[flag.end()..];
        if let Some(of) = OF.captures(rest) {
            let name = of[1].to_owned();
            if parameters.contains(&name) {
                arguments.push(format!("{{{{parameters.{name}}}}}"));
            } else if mapped {
                arguments.push("{{item}}".to_owned());
            }
            continue;
        }
        if let Some(named) =
            AND_PARAMETER.captures(rest).filter(|named| parameters.contains(&named[1].to_owned()))
        {
            arguments.push(format!("{{{{parameters.{}}}}}", &named[1]));
            continue;
        }
        if let Some(value) = VALUE.captures(rest) {
            let quoted = value.get(1).or(value.get(2)).or(value.get(3));
            if let Some(quoted) = quoted {
                arguments.push(quoted.as_str().to_owned());
                continue;
            }
            let word = value
                .get(4)
                .map_or("", |word| word.as_str())
                .trim_end_matches(['.', ':', ')', '?', '!', '"']);
            let is_value =
                !word.is_empty() && !word.starts_with('-') && !STOPS.contains(&word.to_lowercase().as_str());
            let placeholder = word.trim_matches(['<', '>', '$', '{', '}']);
            let stands_for_item = mapped
                && ((word.starts_with(['<', '$']) && !word.starts_with("$("))
                    || placeholder == flag.as_str().trim_start_matches('-').to_uppercase()
                    || ["NAME", "ITEM", "VALUE", "X"].contains(&placeholder));
            if stands_for_item {
                arguments.push("{{item}}".to_owned());
            } else if is_value {
                let parameter =
                    word.trim_matches(['{', '}', '$', '<', '>', '%']).trim_start_matches("parameters.");
                let known =
                    word.starts_with(['{', '$', '<', '%']) && parameters.iter().any(|name| name == parameter);
                arguments.push(if known {
                    format!("{{{{parameters.{parameter}}}}}")
                } else {
                    word.to_owned()
                });
            }
        }
    }
    (!arguments.is_empty()).then_some(arguments)
}

static SPELLED_COMMAND: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let program =
        r"(?:python3?|torchrun|mpirun|horovodrun|deepspeed|accelerate|Rscript|java|node|bash|sh) \S";
    [
        r#"(?i)\b(?:commands?|cmd|befehl|commande|comando)(?: line)?(?: is|:)?\s+["`“'„]([^"`”'“]+)["`”'“]"#.to_owned(),
        r"(?i)\b(?:commands?|cmd|befehl|commande|comando)(?: line)?(?: is|:)?\s+([./\w-][^,;\n]*?)(?:[,;\n]|\.\s|\.?$|\s(?:and|with|on|und|mit|et|avec)\s)".to_string(),
        format!(r"(?:^|[\s,:(])({program}[^,;\n]*?)(?:[,;\n)]|\.\s|\.?$|\s(?:and|with|on|und|mit|et|avec)\s)"),
    ]
    .iter()
    .map(|pattern| Regex::new(pattern).expect("the pattern is valid"))
    .collect()
});

/// The words of a command that the text spells out: "command torchrun seg.py --patch 96, 1 master …".
pub(in crate::nl) fn stated_command(text: &str) -> Option<Vec<String>> {
    let spelled = SPELLED_COMMAND.iter().find_map(|pattern| {
        let found = pattern.captures(text)?[1].trim().to_owned();
        // "(command: python fit.py). The metric …"
        let found = match found.split_once(')') {
            Some((command, _)) if !found.contains('(') => command.to_owned(),
            _ => found,
        };
        let first = found.split_whitespace().next()?.to_lowercase();
        let prose =
            ["is", "to", "of", "line", "that", "and", "with", "in", "the", "for", "as", "which", "should"];
        // What a shell has to read is left as it is.
        let shell = found.contains(['|', '>', '<', '$', '*']) || found.contains("&&");
        (!prose.contains(&first.as_str()) && !shell).then_some(found)
    })?;
    Some(spelled.split_whitespace().map(|word| word.trim_matches(['"', '\'', '`']).to_owned()).collect())
}

static TABLE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?i)\b(?:table|tabelle|tabla|tabella|tabela)s?\s+(?:called |named )?["'`]?([A-Za-z_][\w.]*\w)["'`]?|["'`]?\b([a-z]+_[\w.]*\w)["'`]?[\s-]+table\b"#)
        .expect("the pattern is valid")
});

/// Words beside "table" that name none.
const GENERAL: [&str; 13] =
    ["the", "a", "this", "that", "whole", "entire", "from", "in", "of", "at", "is", "named", "called"];
/// The query for a whole table: "the table members from postgresql://…"; `None` where the text gives its own.
pub(in crate::nl) fn stated_table(text: &str) -> Option<String> {
    if text.to_lowercase().contains("select ") {
        return None;
    }
    let names = TABLE.captures_iter(text).filter_map(|found| found.get(1).or(found.get(2)));
    let mut names =
        names.map(|name| name.as_str()).filter(|name| !GENERAL.contains(&name.to_lowercase().as_str()));
    names.next().map(|name| format!("SELECT * FROM {name}"))
}

/// The text up to the end of its sentence.
fn sentence(text: &str) -> &str {
    let end = [". ", "; ", "\n"].iter().filter_map(|stop| text.find(stop)).min().unwrap_or(text.len());
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, mapped: bool) -> Option<Vec<String>> {
        stated_arguments(text, mapped, &["region".to_owned()])
    }

    #[test]
    fn whole_tables_are_queried_by_name() {
        let query = stated_table("the table members from postgresql://ro@pg.example:5432/core");
        assert_eq!(query.as_deref(), Some("SELECT * FROM members"));
        assert_eq!(stated_table("select a from the table t"), None);
        assert_eq!(stated_table("read the table"), None);
    }

    #[test]
    fn commands_end_where_the_prose_goes_on() {
        for (text, expected) in [
            (
                "image x/seg:6, command torchrun seg.py --patch 96, 1 master + 5 workers",
                Some("torchrun seg.py --patch 96"),
            ),
            (
                "an MPIJob of x/a:1 with the command \"mpirun -n 8 ./solve\" on 8 workers",
                Some("mpirun -n 8 ./solve"),
            ),
            (
                "x/a:1, python train.py --rounds 300, a master and 6 workers",
                Some("python train.py --rounds 300"),
            ),
            ("x/a:1 with a command of its own", None),
            ("run sh -c 'a | b'", None),
        ] {
            assert_eq!(stated_command(text).map(|words| words.join(" ")).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn flags_keep_their_values() {
        for (text, expected) in [
            ("run acme/prep:1.2 with --input s3://raw/logs, then", vec!["--input", "s3://raw/logs"]),
            ("acme/fit:3 --epochs=5 --fast and retry it", vec!["--epochs=5", "--fast"]),
            ("acme/a:1 --msg \"all is well\" -v", vec!["--msg", "all is well", "-v"]),
            (
                "img.io/prep:3 with --region and the value of region.",
                vec!["--region", "{{parameters.region}}"],
            ),
        ] {
            assert_eq!(read(text, false).unwrap(), expected, "{text}");
        }
        assert_eq!(
            read("acme/a:1 with the arguments --site and the name of the hospital", true).unwrap(),
            ["--site", "{{item}}"]
        );
        assert_eq!(read("acme/a:1 --site SITE once per site", true).unwrap(), ["--site", "{{item}}"]);
        assert_eq!(read("acme/a:1 --cloth <fabric>", true).unwrap(), ["--cloth", "{{item}}"]);
        assert_eq!(read("acme/a:1 with command python x.py --epochs 3", false), None);
        assert_eq!(read("acme/a:1 with 2 GPUs", false), None);
    }
}
