//! Step settings that the text states so plainly that no model need read them.

use std::sync::LazyLock;

use regex::Regex;

use super::answer::{EnvAnswer, MountAnswer, NodeAnswer, SettingsAnswer};
use super::settings::{durations, memory_sizes};
use super::taints::stated_taints;
use super::volumes::stated_volumes;
use crate::api::Secret;
use crate::nl::pattern::regex;

const TIME: &str = r"\b(\d+|an?[\s-])[\s-]?(?:s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|weeks?|sekunden?|minuten?|stunden?|tagen?|heures?|jours?|secondes?|horas?|días?|minutos?|segundos?|ore|minuti)\b";
const NAME: &str = r#"["'`“„]?([a-z0-9][a-z0-9._-]*[a-z0-9])["'`”“]?"#;

static GPUS: LazyLock<Regex> =
    LazyLock::new(|| regex(r"\b(\d+|an?|one|eine[rn]?|une?|una?) (?:nvidia |[a-z0-9]+ )?gpus?\b"));
static CPU: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(\d+(?:\.\d+)?m?|an?|one)[ -]?(?:v?cpus?(?: cores?)?|v?cores?|kerne?n?|millicores?)\b|\bcpu (?:of |: ?|= ?)?(\d+m?)\b",
    )
});
static MEMORY_WORDS: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(memory|ram|mem|speicher|arbeitsspeicher|mémoire|memoria|memória|pamięci|geheugen)\b|内存|メモリ",
    )
});
static KUBERNETES_SIZE: LazyLock<Regex> = LazyLock::new(|| regex(r"\b\d+ ?[gm]i\b"));
static STORAGE: LazyLock<Regex> =
    LazyLock::new(|| regex(r"\b(volumes?|claims?|pvc|disks?|storage|files?|data ?sets?|tables?)\b"));
static BACKOFF: LazyLock<Regex> = LazyLock::new(|| {
    regex(&format!(
        r"\b(?:wait\w*|back-?off|paus\w*|delay\w*|starting (?:at|with)|begin\w* (?:at|with)|apart|sleep\w*|intervals?)\b[^.;\n]{{0,30}}?({TIME})|({TIME})[^.;,\n]{{0,12}}\b(?:between|apart|back-?off|pause|delay)\b"
    ))
});
static TIMEOUT: LazyLock<Regex> = LazyLock::new(|| {
    regex(&format!(
        r"\b(?:time-?\s?outs?|time limit|(?:at most|no more than|not more than|maximum|max\.?) (?:of )?|(?:no|not?|n't)\b[^.;\n]{{0,20}}(?:longer|more) than|longer than|exceed\w*|within|(?:give up|giving up)[^.;,\n]{{0,20}}after|(?:kill|stop|abort|cancel|cut|terminat|interrupt)\w*[^.;,\n]{{0,25}}(?:after|if|when)|deadline|höchstens|zeitlimit|länger als|délai|plus de|más de|tiempo límite)\b?[^.;\d\n]{{0,30}}?({TIME})|({TIME})[^.;,\n]{{0,12}}\b(?:time ?out|time limit|deadline|at most|tops)\b"
    ))
});
static NODE: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r#"\b(?:nodes?|machines?|node-?selectors?|knoten)\b[^;\n]{0,70}?["'`]?([a-z0-9][a-z0-9./-]*)["'`]?(?:\s*=\s*|:\s+)["'`]?([a-z0-9][a-z0-9._-]*)["'`]?|["'`]?\b([a-z0-9][a-z0-9./-]*)=([a-z0-9][a-z0-9._-]*)["'`]? nodes?\b"#,
    )
});
static TOLERATION: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r#"\b(?:taint(?:ed|s)?|tolerat\w+)\b[^.;\n]{0,40}?["'`]?[a-z0-9][a-z0-9./-]*=[a-z0-9][a-z0-9._-]*["'`]?|\b[a-z0-9][a-z0-9./-]*=[a-z0-9][a-z0-9._-]*:(?:NoSchedule|PreferNoSchedule|NoExecute)\b"#,
    )
});
static LABEL: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r#"\blabel(?:l?ed)?s?\b(?: it| them| the pods?| its pods?)?(?: with| as|:)? ["'`]?([a-z0-9][a-z0-9./-]*)=([a-z0-9][a-z0-9._-]*)["'`]?"#,
    )
});
static ANNOTATION: LazyLock<Regex> = LazyLock::new(|| {
    regex(r#"\bannotat\w+\b(?: it| them| with|:)* ["'`]?([a-z0-9][a-z0-9./-]*)=([^\s,;"'`]+)["'`]?"#)
});
static MOUNT: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    vec![
        regex(&format!(
            r"\b(?:claim|pvc|volume)\s+(?:called |named )?{NAME}[^;\n]{{0,40}}?\b(?:at|under|on|to|in|into|as)\s+(/[\w./-]*\w)"
        )),
        regex(&format!(
            r"\bmount\w*\s+(?:the |an? )?(?:existing |persistent |shared )*(?:volumes? |pvc |claims? |volume claims? )*{NAME}\s+(?:is |should be |shall be |gets )?(?:mounted )?(?:at|under|on|to|into|in|as)\s+(/[\w./-]*\w)"
        )),
    ]
});
/// "`DB_PASS`, from the secret billing-db (key password)", and the other way round.
static SECRETS: LazyLock<Vec<(Regex, [usize; 3])>> = LazyLock::new(|| {
    let variable = r#"["'`]?\b((?-i:[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|[A-Z][A-Z0-9]{3,}))\b["'`]?"#;
    let secret = r#"secret(?: called| named)?\s+["'`]?([a-z0-9][a-z0-9.-]*[a-z0-9])["'`]?"#;
    let key = r#"(?:keys?|entry|field|item)(?: called| named|:)?\s+["'`]?([A-Za-z0-9][\w.-]*\w)["'`]?"#;
    vec![
        (regex(&format!(r"{variable}[^.;\n]{{0,60}}?\b{secret}[^.;\n]{{0,20}}?\b{key}")), [1, 2, 3]),
        (regex(&format!(r"{variable}[^.;\n]{{0,60}}?\b{key}[^.;\n]{{0,30}}?\b{secret}")), [1, 3, 2]),
        (regex(&format!(r"\b{secret}[^.;\n]{{0,20}}?\b{key}[^.;\n]{{0,40}}?{variable}")), [3, 1, 2]),
        (regex(&format!(r"\b{key}[^.;\n]{{0,30}}?\b{secret}[^.;\n]{{0,40}}?{variable}")), [3, 2, 1]),
    ]
});
static ASSIGNED: LazyLock<Regex> = LazyLock::new(|| {
    regex(r#"(?:^|[\s("'`,])((?-i:[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*))=["'`]?([^\s,;"'`)]*[^\s,;"'`).])"#)
});
static UNCACHED: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:is|are|be)(?: not|n.?t) (?:to be )?cached|\b(?:never|not|without|no|do(?:es)?n.?t|nicht|sans|sin|senza) (?:be |to be )?(?:cach|gecacht)",
    )
});
static CONTINUES: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"\b(?:even|also) (?:if|when) (?:it|that|this|the step|this step|that step|one of them) (?:fails|breaks|crashes|errors)|\b(?:may|can|might|is allowed to|are allowed to) fail\b|\bignor\w+ (?:its |the |any |all )?(?:failures?|errors?)|\b(?:should|must|does|do|will|may)(?: not|n't) (?:stop|break|fail|block|abort|hold up|take down) (?:the |any)|\b(?:go|goes|carry|carries|keep|keeps) (?:on|going)\b|\bcontinues? (?:anyway|regardless|even|nevertheless)|\bno (?:big )?(?:deal|problem|harm) if|\boptional\b",
    )
});

fn duration(text: &str) -> Option<String> {
    durations(text).into_iter().next()
}

fn count(word: &str) -> Option<u32> {
    word.parse().ok().or_else(|| word.starts_with(|c: char| c.is_alphabetic()).then_some(1))
}

impl SettingsAnswer {
    /// Puts what the text states in the place of what the model chose.
    pub(in crate::nl) fn read_from(&mut self, text: &str, own_resources: bool) {
        if !own_resources {
            self.read_resources(text);
        }
        if let Some(found) = BACKOFF.captures(text)
            && self.retries.is_some()
        {
            self.backoff = found
                .get(1)
                .or(found.get(3))
                .and_then(|span| duration(span.as_str()))
                .or(self.backoff.take());
        }
        if let Some(found) = TIMEOUT.captures(text) {
            let span = found.get(1).or(found.get(3));
            let waits = self.backoff.clone();
            let read =
                span.and_then(|span| duration(span.as_str())).filter(|read| Some(read) != waits.as_ref());
            self.timeout = read.or(self.timeout.take());
        }
        self.read_placement(text);
        self.read_environment(text);
        self.volumes = stated_volumes(text);
        for captures in MOUNT.iter().flat_map(|pattern| pattern.captures_iter(text)) {
            let mount = MountAnswer { claim: captures[1].to_owned(), path: captures[2].to_owned() };
            if ["claim", "at", "volume", "the"].contains(&mount.claim.as_str()) {
                continue;
            }
            let mounts = self.mounts.get_or_insert_default();
            mounts.retain(|known| known.path != mount.path && known.claim != mount.claim);
            mounts.push(mount);
        }
        if UNCACHED.is_match(text) {
            self.cache = None;
        }
        if CONTINUES.is_match(text) && text.to_lowercase().contains("fail") {
            self.continue_on_failure = Some(true);
        }
    }

    fn read_environment(&mut self, text: &str) {
        for (pattern, [variable, secret, key]) in SECRETS.iter() {
            for found in pattern.captures_iter(text) {
                let stated = Secret {
                    env: found[*variable].to_owned(),
                    secret: found[*secret].to_owned(),
                    key: found[*key].to_owned(),
                };
                let all = self.secrets.get_or_insert_default();
                if !all.contains(&stated) {
                    all.retain(|known| known.secret != stated.secret && known.env != stated.env);
                    all.push(stated);
                }
            }
            if self.secrets.as_ref().is_some_and(|all| !all.is_empty()) && pattern.is_match(text) {
                break;
            }
        }
        if let Some(env) = &mut self.env {
            for found in ASSIGNED.captures_iter(text) {
                let stated = EnvAnswer { name: found[1].to_owned(), value: found[2].to_owned() };
                env.retain(|known| known.name != stated.name);
                env.push(stated);
            }
        }
    }

    fn read_resources(&mut self, text: &str) {
        if let Some(found) = GPUS.captures(text) {
            self.gpus = count(&found[1]).or(self.gpus);
        }
        if let Some(found) = CPU.captures(text) {
            let amount = found.get(1).or(found.get(2)).map_or("", |amount| amount.as_str());
            self.cpu = Some(if amount.starts_with(|c: char| c.is_ascii_digit()) {
                amount.to_owned()
            } else {
                "1".into()
            });
        }
        if let [only] = &memory_sizes(text)[..]
            && (MEMORY_WORDS.is_match(text) || (KUBERNETES_SIZE.is_match(text) && !STORAGE.is_match(text)))
        {
            self.memory = Some(only.clone());
        }
    }

    fn read_placement(&mut self, text: &str) {
        let without_taints = TOLERATION.replace_all(text, " ");
        let taints = stated_taints(text);
        if !taints.is_empty() {
            self.tolerate = Some(taints);
        }
        let nodes: Vec<NodeAnswer> = NODE
            .captures_iter(&without_taints)
            .filter_map(|found| {
                let (label, value) = (found.get(1).or(found.get(3))?, found.get(2).or(found.get(4))?);
                Some(NodeAnswer { label: label.as_str().to_owned(), value: value.as_str().to_owned() })
            })
            .collect();
        if !nodes.is_empty() {
            self.node = Some(nodes);
        } else if let Some(found) = LABEL.captures(&without_taints) {
            self.labels = Some((found[1].to_owned(), found[2].to_owned()));
            self.node = None;
        }
        if let Some(found) = ANNOTATION.captures(text) {
            self.annotations = Some((found[1].to_owned(), found[2].to_owned()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::TolerationEffect;

    fn read(text: &str) -> SettingsAnswer {
        let mut answer = SettingsAnswer::default();
        answer.read_from(text, false);
        answer
    }

    #[test]
    fn resources_are_read() {
        let found = read("img:3 with 6 CPUs and 12Gi memory and a GPU");
        assert_eq!(
            (found.gpus, found.cpu.as_deref(), found.memory.as_deref()),
            (Some(1), Some("6"), Some("12Gi"))
        );
    }

    #[test]
    fn other_sizes_and_places_are_left_alone() {
        assert_eq!(read("read the 20 GB file").memory, None);
        assert!(read("it tolerates busy nodes and runs acme/train:2").node.is_none());
    }

    #[test]
    fn placement_is_read() {
        let found = read(
            "embed must land on nodes with the label accelerator=a100, must tolerate the taint dedicated=ml (NoSchedule), and takes 4 GPUs",
        );
        let node = &found.node.unwrap()[0];
        assert_eq!((node.label.as_str(), node.value.as_str()), ("accelerator", "a100"));
        let toleration = &found.tolerate.unwrap()[0];
        assert_eq!(toleration.effect, Some(TolerationEffect::NoSchedule));
        assert_eq!(
            read("the latter with the label team=vision").labels,
            Some(("team".into(), "vision".into()))
        );
    }

    #[test]
    fn times_are_read() {
        assert_eq!(read("give up on it after 20 minutes").timeout.as_deref(), Some("20m"));
        assert_eq!(read("it must not take longer than 2 hours").timeout.as_deref(), Some("2h"));
        assert_eq!(read("run it every 2 hours").timeout, None);
        assert_eq!(read("4 retries and a timeout of 90 seconds").timeout.as_deref(), Some("90s"));
        let mut answer = SettingsAnswer { retries: Some(3), ..SettingsAnswer::default() };
        answer.read_from("retry 3 times, wait 30 seconds between the attempts", false);
        assert_eq!(answer.backoff.as_deref(), Some("30s"));
    }

    #[test]
    fn mounts_and_failures_are_read() {
        let found = read("Mount the existing volume claim sat-cache at /cache");
        let mount = &found.mounts.unwrap()[0];
        assert_eq!((mount.claim.as_str(), mount.path.as_str()), ("sat-cache", "/cache"));
        assert_eq!(read("go on even if it fails").continue_on_failure, Some(true));
        assert_eq!(read("keep it going").continue_on_failure, None);
    }
}
