//! Runs that end in the middle: killed, stopped, without room on the disk, two at a time.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::{Dir, finished};

/// A chain, a map, a retry and a step at the end: every kind of record. Each execution leaves a line in `ran-STEP`.
const EVERYTHING: &str = r#"
version: couler/v1
name: everything
steps:
  - name: first
    run: {function: run_script, language: bash, source: "echo x >> $PWD/ran-first; sleep 0.02; echo 1"}
  - name: flaky
    run: {function: run_script, language: bash, source: "echo x >> $PWD/ran-flaky; test $(wc -l < $PWD/ran-flaky) -gt 1"}
    settings: {retry: {limit: 5}}
  - name: each
    after: [first]
    map: {over: {kind: list, items: ["a", "b", "c"]}}
    run: {function: run_script, language: bash, source: "echo {{item}} >> $PWD/ran-each; sleep 0.02; echo {{item}}"}
  - name: never
    when: first.result == 2
    run: {function: run_script, language: bash, source: "echo x >> $PWD/ran-never"}
  - name: last
    after: [each, flaky]
    run: {function: run_script, language: bash, source: "echo x >> $PWD/ran-last; sleep 0.02"}
on_exit:
  - name: goodbye
    run: {function: run_script, language: bash, source: "echo x >> $PWD/ran-goodbye"}
"#;

/// Runs couler where files end at so many blocks of 1,024 bytes: the system refuses more, as on a full disk.
fn without_room(dir: &Dir, blocks: u32, arguments: &str) -> (i32, String) {
    let couler = assert_cmd::cargo::cargo_bin("couler");
    let limited = format!("trap '' XFSZ; ulimit -f {blocks}; exec {} {arguments}", couler.display());
    let mut command = assert_cmd::Command::new("bash");
    command.args(["-c", &limited]).current_dir(dir.path()).env("COULER_HOME", dir.path().join("home"));
    let (code, _, errors) = finished(&mut command);
    (code, errors)
}

fn begin(dir: &Dir, arguments: &[&str]) -> Child {
    Command::new(assert_cmd::cargo::cargo_bin("couler"))
        .args(arguments)
        .current_dir(dir.path())
        .env("COULER_HOME", dir.path().join("home"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn waited_for(mut condition: impl FnMut() -> bool) -> bool {
    let started = Instant::now();
    while started.elapsed() < Duration::from_mins(1) {
        if condition() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    false
}

fn journal(dir: &Dir) -> Option<PathBuf> {
    let mut runs = std::fs::read_dir(dir.path().join("home/runs")).ok()?;
    runs.find_map(|run| Some(run.ok()?.path().join("journal.log")).filter(|path| path.is_file()))
}

fn records(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.split_inclusive('\n').filter(|line| line.ends_with('\n')).map(str::to_owned).collect()
}

fn executions(dir: &Dir, step: &str) -> usize {
    std::fs::read_to_string(dir.path().join(format!("ran-{step}"))).map_or(0, |text| text.lines().count())
}

/// Names of the steps, and items, whose success the journal has.
fn succeeded(records: &[String], step: &str) -> usize {
    let mark = format!("{{\"event\":\"succeeded\",\"step\":\"{step}\"");
    records.iter().filter(|record| record.contains(&mark)).count()
}

fn resumed(dir: &Dir) -> Value {
    let (code, stdout, errors) = dir.run(&["resume", "last", "--json"]);
    assert_eq!(code, 0, "{errors}");
    serde_json::from_str(&stdout).unwrap()
}

/// Resumes and checks that what had succeeded was not done again, and that everything was done in the end. Up to
/// `in_flight` processes may have been started, but not have left their line, when the lines are counted.
fn goes_on(dir: &Dir, before: &[String], in_flight: usize, point: &str) {
    let counts = ["first", "each", "last"].map(|step| executions(dir, step));
    let ended = resumed(dir);
    assert_eq!(ended["status"], "Succeeded", "{point}");
    for (index, (step, all)) in [("first", 1), ("each", 3), ("last", 1)].into_iter().enumerate() {
        let again = executions(dir, step) - counts[index];
        let missing = all - succeeded(before, step);
        let most = if missing == 0 { 0 } else { missing + in_flight };
        assert!(
            (missing..=most).contains(&again),
            "{step} ran {again} times, {missing} were missing, {point}"
        );
    }
    assert_eq!(executions(dir, "never"), 0);
    assert!(executions(dir, "goodbye") >= 1, "{point}");
}

#[test]
fn a_kill_at_every_record_is_survived() {
    let whole = Dir::new();
    whole.write("p.yaml", EVERYTHING);
    assert_eq!(whole.run(&["run", "p.yaml", "-j", "2"]).0, 0);
    let all = records(&journal(&whole).unwrap()).len();
    assert!(all >= 18, "{all} records");
    for point in 1..all {
        let dir = Dir::new();
        dir.write("p.yaml", EVERYTHING);
        let mut child = begin(&dir, &["--quiet", "run", "p.yaml", "-j", "2"]);
        let reached = waited_for(|| journal(&dir).is_some_and(|path| records(&path).len() >= point));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(reached, "record {point} never came");
        goes_on(&dir, &records(&journal(&dir).unwrap()), 2, &format!("killed after record {point}"));
    }
}

#[test]
fn a_journal_that_ends_anywhere_is_gone_on_with() {
    let dir = Dir::new();
    dir.write("p.yaml", EVERYTHING);
    assert_eq!(dir.run(&["run", "p.yaml", "-j", "2"]).0, 0);
    let path = journal(&dir).unwrap();
    let all = records(&path);
    for kept in 0..all.len() {
        // With half of the next record behind it, as a loss of power leaves it.
        let torn = &all[kept][..all[kept].len() / 2];
        std::fs::write(&path, all[..kept].concat() + torn).unwrap();
        // The store knows the results too; without it only the journal counts.
        let _ = std::fs::remove_dir_all(dir.path().join("home/cache"));
        goes_on(&dir, &all[..kept], 0, &format!("cut after record {kept}"));
    }
}

fn is_alive(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}

const SLOW: &str = r#"
version: couler/v1
name: slow
steps:
  - name: waits
    run: {function: run_script, language: bash, source: "test -f go && exit 0; (sleep 61 & setsid sleep 62 & echo $! > left); echo $$ > pid; sleep 60; true"}
"#;

#[test]
fn what_a_killed_run_left_behind_is_ended_by_the_next() {
    let dir = Dir::new();
    dir.write("p.yaml", SLOW);
    let mut child = begin(&dir, &["--quiet", "run", "p.yaml"]);
    assert!(waited_for(|| dir.path().join("pid").metadata().is_ok_and(|file| file.len() > 1)));
    child.kill().unwrap();
    child.wait().unwrap();
    let (pid, left) = (dir.read("pid"), dir.read("left"));
    assert!(is_alive(&pid) && is_alive(&left), "nothing ends them when couler is killed");
    dir.write("go", "");
    let (code, _, errors) = dir.run(&["resume", "last"]);
    assert_eq!(code, 0, "{errors}");
    assert!(errors.contains("left running"), "{errors}");
    assert!(!is_alive(&pid) && !is_alive(&left));
}

#[test]
fn an_interrupt_ends_what_runs() {
    let dir = Dir::new();
    dir.write("p.yaml", SLOW);
    let mut child = begin(&dir, &["--quiet", "run", "p.yaml"]);
    assert!(waited_for(|| dir.path().join("pid").metadata().is_ok_and(|file| file.len() > 1)));
    let (pid, left) = (dir.read("pid"), dir.read("left"));
    let started = Instant::now();
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let status = child.wait().unwrap();
    assert!(!status.success() && started.elapsed() < Duration::from_secs(15));
    assert!(!is_alive(&pid) && !is_alive(&left), "also what left the process group");
    dir.write("go", "");
    assert_eq!(dir.run(&["resume", "last"]).0, 0);
}

#[test]
fn without_room_the_step_is_named_and_the_run_goes_on_later() {
    let dir = Dir::new();
    // Two steps that fit, one that prints more than fits, one behind it.
    dir.write(
        "p.yaml",
        r#"
version: couler/v1
name: full
steps:
  - name: small
    run: {function: run_script, language: bash, source: "echo x >> $PWD/ran-small"}
  - name: prints
    after: [small]
    run: {function: run_script, language: bash, source: "echo x >> $PWD/ran-prints; head -c 3000000 /dev/zero | tr '\\0' x; echo"}
  - name: behind
    after: [prints]
    run: {function: run_script, language: bash, source: "echo x >> $PWD/ran-behind"}
"#,
    );
    let (code, errors) = without_room(&dir, 1024, "run p.yaml");
    assert_eq!(code, 1, "{errors}");
    assert!(errors.contains("\"prints\"") && errors.contains("check its disk"), "{errors}");
    let (code, _, errors) = dir.run(&["resume", "last"]);
    assert_eq!(code, 0, "{errors}");
    assert_eq!([executions(&dir, "small"), executions(&dir, "behind")], [1, 1]);
}

#[test]
fn a_journal_without_room_stops_the_run_and_is_gone_on_with() {
    let dir = Dir::new();
    let steps: Vec<String> = (0..60)
        .map(|step| format!("  - name: s{step}\n    run: {{function: run_script, language: bash, source: \"echo x >> $PWD/ran-s{step}\"}}\n"))
        .collect();
    dir.write("p.yaml", &format!("version: couler/v1\nname: full\nsteps:\n{}", steps.concat()));
    let (code, errors) = without_room(&dir, 8, "run p.yaml -j 2");
    assert_eq!(code, 1, "{errors}");
    assert!(errors.contains("journal") && errors.contains("couler resume"), "{errors}");
    let before = records(&journal(&dir).unwrap());
    let counts: Vec<usize> = (0..60).map(|step| executions(&dir, &format!("s{step}"))).collect();
    resumed(&dir);
    for (step, count) in counts.into_iter().enumerate() {
        let name = format!("s{step}");
        let again = executions(&dir, &name) - count;
        assert_eq!(again, 1 - succeeded(&before, &name), "{name}");
    }
}

#[test]
fn two_runs_at_once_share_a_store() {
    let dir = Dir::new();
    let names: Vec<String> = (0..6).map(|number| format!("w{number}")).collect();
    for name in &names {
        let steps: Vec<String> = (0..4)
            .map(|step| {
                let path = dir.path().join(format!("{name}-{step}.bin"));
                format!(
                    "  - name: s{step}\n    run: {{function: run_script, language: bash, source: \"echo {name} {step} > {0}; sleep 0.05\"}}\n    outputs: [{{name: o, source: {{kind: artifact, path: {0}, type: file}}}}]\n",
                    path.display()
                )
            })
            .collect();
        dir.write(
            &format!("{name}.yaml"),
            &format!("version: couler/v1\nname: {name}\nsteps:\n{}", steps.concat()),
        );
    }
    let children: Vec<Child> =
        names.iter().map(|name| begin(&dir, &["--quiet", "run", &format!("{name}.yaml")])).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let shown: Value = serde_json::from_str(&dir.run(&["cache", "show", "--json"]).1).unwrap();
    assert_eq!((&shown["results"], shown["artifacts"].as_array().unwrap().len()), (&Value::from(24), 24));
    assert_eq!(dir.run(&["cache", "gc"]).0, 0);
    for name in &names {
        let (code, stdout, errors) = dir.run(&["run", &format!("{name}.yaml"), "--json"]);
        let ended: Value = serde_json::from_str(&stdout).unwrap();
        let cached = ended["steps"].as_array().unwrap().iter().all(|step| step["state"] == "cached");
        assert!(code == 0 && cached && !errors.contains("no longer kept"), "{errors}");
    }
}

/// How many rounds a test with chance in it has: `COULER_ROUNDS`, else few, for each takes a second or more.
fn rounds(usual: u64) -> u64 {
    std::env::var("COULER_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(usual)
}

#[test]
fn kills_at_random_lose_nothing() {
    let whole = Dir::new();
    whole.write("p.yaml", EVERYTHING);
    let started = Instant::now();
    assert_eq!(whole.run(&["run", "p.yaml", "-j", "2"]).0, 0);
    let longest = started.elapsed();
    let mut reached = 0;
    for round in 0..rounds(12) {
        let dir = Dir::new();
        dir.write("p.yaml", EVERYTHING);
        let mut child = begin(&dir, &["--quiet", "run", "p.yaml", "-j", "2"]);
        // Spread evenly by the golden ratio, so that few rounds meet all parts of a run.
        let part = (f64::from(u32::try_from(round).unwrap()) * 0.618_033_988_75).fract();
        std::thread::sleep(longest.mul_f64(part));
        child.kill().unwrap();
        child.wait().unwrap();
        let point = format!("killed after {part:.3} of {longest:?}");
        let begun = journal(&dir).filter(|_| journal(&dir).is_some_and(|path| !records(&path).is_empty()));
        if let Some(path) = begun {
            reached += 1;
            goes_on(&dir, &records(&path), 2, &point);
        } else {
            // It had not begun: there is nothing to resume, and nothing in the way.
            let (code, _, errors) = dir.run(&["run", "p.yaml"]);
            assert_eq!(code, 0, "{point}: {errors}");
        }
        let (code, stdout, errors) = dir.run(&["runs", "--json"]);
        assert!(code == 0 && serde_json::from_str::<Value>(&stdout).is_ok(), "{point}: {errors}");
    }
    assert!(reached > 0, "no round met a run");
}

/// Steps that write 200 KB each to the working folder, which the store keeps too, and print 100 KB.
const WRITES: &str = r#"
version: couler/v1
name: writes
steps:
  - name: a
    run: {function: run_script, language: bash, source: "head -c 100000 /dev/zero | tr '\\0' x; echo; head -c 200000 /dev/zero | tr '\\0' a > FOLDER/a.bin"}
    outputs: [{name: o, source: {kind: artifact, path: FOLDER/a.bin}}]
  - name: b
    run: {function: run_script, language: bash, source: "{ cat FOLDER/in; head -c 100000 /dev/zero | tr '\\0' b; } > FOLDER/b.bin"}
    inputs: [{kind: artifact, name: in, step: a, output: o, path: FOLDER/in}]
    outputs: [{name: o, source: {kind: artifact, path: FOLDER/b.bin}}]
"#;

/// Mounts a disk of so many KiB on `$2` in a world of its own, runs, makes the disk larger, goes on, and tells both
/// codes and what is there then.
const FULL_DISK: &str = r#"
set -u
couler=$1; full=$2; size=$3; work=$4; export COULER_HOME=$5
mount -t tmpfs -o size=${size}k none "$full" || exit 77
mkdir -p "$work"; cd "$work" || exit 78
sed "s|FOLDER|$work|g" "$6" > /dev/shm/p$$.yaml; program=/dev/shm/p$$.yaml; trap 'rm -f $program' EXIT
printf 'old\n' > "$work/manifest.yaml"
"$couler" run $program --no-retry > /dev/null 2> "$7"; first=$?
"$couler" compile $program -o manifest.yaml 2>> "$7"; wrote=$?
kept=$(head -c 100 manifest.yaml | head -1)
mount -o remount,size=64m "$full"
"$couler" resume last > /dev/null 2>> "$7" || "$couler" run $program > /dev/null 2>> "$7"; second=$?
"$couler" runs --json > /dev/null 2>> "$7" || second=99
echo "$first $second $wrote $kept $(tr -d 'a' < b.bin | wc -c) $(wc -c < b.bin) $(wc -c < a.bin)"
find "$COULER_HOME" "$work" -name '.tmp*' -o -name '*.part*' | head -3
"#;

/// Runs with one of the two folders on a disk of this size; `None` if this system does not let us mount one.
fn on_a_full_disk(home: bool, kib: u64) -> Option<(String, String)> {
    let dir = Dir::new();
    for folder in ["disk", "other"] {
        std::fs::create_dir(dir.path().join(folder)).unwrap();
    }
    let (disk, other) = (dir.path().join("disk"), dir.path().join("other"));
    let (work, kept) = if home { (&other, &disk) } else { (&disk, &other) };
    let program = dir.write("p.yaml", WRITES);
    let mut command = Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        command.arg("-r");
    }
    command.args(["-m", "bash", "-c", FULL_DISK, "bash"]).arg(assert_cmd::cargo::cargo_bin("couler"));
    command.arg(&disk).arg(kib.to_string()).arg(work).arg(kept).arg(program).arg(dir.path().join("errors"));
    let output = command.stdin(Stdio::null()).output().ok()?;
    if output.status.code().is_none_or(|code| code != 0) {
        eprintln!("skipped: no disk can be mounted here");
        return None;
    }
    let errors = std::fs::read_to_string(dir.path().join("errors")).unwrap_or_default();
    Some((String::from_utf8_lossy(&output.stdout).into_owned(), errors))
}

#[test]
fn a_disk_that_is_full_in_the_middle_loses_nothing() {
    // What is there before a run, and what it needs, in KiB: sizes between really cut in the middle.
    for (home, least, most) in [(true, 8, 1100), (false, 8, 560)] {
        let sizes = rounds(8).div_ceil(2).max(4);
        let mut failed = 0;
        for number in 0..sizes {
            let kib = least + (most - least) * number / (sizes - 1);
            let Some((text, errors)) = on_a_full_disk(home, kib) else { return };
            let point = format!("home {home}, {kib} KiB: {text} {errors}");
            assert!(!errors.contains("panicked"), "{point}");
            let mut lines = text.lines();
            let words: Vec<&str> = lines.next().unwrap_or_default().split(' ').collect();
            let [first, second, wrote, rest @ ..] = &words[..] else { panic!("{point}") };
            assert!(["0", "1", "2"].contains(first) && *second == "0", "{point}");
            // The manifest is the old one or a whole new one.
            let old = rest.contains(&"old");
            assert!(old || (*wrote == "0" && !rest.is_empty()), "{point}");
            assert!(rest.ends_with(&["100000", "300000", "200000"]), "{point}");
            assert_eq!(lines.next(), None, "{point}");
            failed += usize::from(*first != "0");
        }
        eprintln!("home {home}: {failed} of {sizes} sizes were too small");
        assert!(failed >= 2, "home {home}: {failed} of {sizes} sizes were too small");
    }
}
