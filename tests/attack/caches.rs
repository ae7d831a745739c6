//! Root 7: what lies in couler's own folder may be cut, changed, longer, or something else; it is noticed, and made again.

use std::path::{Path, PathBuf};

use crate::harness::{DATA, Mode, Scene, step};

/// Damages a file.
type Damage = fn(&Path);

/// What may have become of a file.
const DAMAGES: [(&str, Damage); 8] = [
    ("cut in half", |file| {
        let content = std::fs::read(file).unwrap();
        std::fs::write(file, &content[..content.len() / 2]).unwrap();
    }),
    ("empty", |file| std::fs::write(file, "").unwrap()),
    ("a byte is another one", |file| {
        let mut content = std::fs::read(file).unwrap();
        if let Some(byte) = content.get_mut(0) {
            *byte ^= 0x40;
        }
        let middle = content.len() / 2;
        if let Some(byte) = content.get_mut(middle) {
            *byte ^= 1;
        }
        std::fs::write(file, content).unwrap();
    }),
    ("longer", |file| {
        let mut content = std::fs::read(file).unwrap();
        content.extend_from_slice(b"\n{\"version\":1}\0\xff");
        std::fs::write(file, content).unwrap();
    }),
    ("gone", |file| std::fs::remove_file(file).unwrap()),
    ("a folder", |file| {
        std::fs::remove_file(file).unwrap();
        std::fs::create_dir(file).unwrap();
    }),
    ("a link that leads nowhere", |file| {
        std::fs::remove_file(file).unwrap();
        std::os::unix::fs::symlink("nowhere", file).unwrap();
    }),
    ("a link to somebody's file", |file| {
        let canary = file.ancestors().find_map(|folder| {
            let canary = folder.join("canary/file");
            canary.exists().then_some(canary)
        });
        std::fs::remove_file(file).unwrap();
        std::os::unix::fs::symlink(canary.unwrap(), file).unwrap();
    }),
];

fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().unwrap().is_dir() {
            files_below(&entry.path(), found);
        } else {
            found.push(entry.path());
        }
    }
}

fn writable(file: &Path) {
    let mut mode = std::fs::metadata(file).unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut mode, 0o644);
    std::fs::set_permissions(file, mode).unwrap();
}

/// Runs, damages every file of couler's own folder that `concerned` chooses, one after the other, and runs again:
/// the results are right, nobody else's file has changed, and it does not take long.
fn each_damaged(concerned: fn(&Path) -> bool) {
    for mode in Mode::all().into_iter().filter(|mode| mode.landlock) {
        let reads = "    inputs: [{kind: artifact, name: in, step: a, output: data, path: WORK/input}]\n";
        let program = step("a", "echo precious > made", DATA) + &step("b", "cat input", reads);
        let mut damaged = 0;
        for (what, damage) in DAMAGES {
            let scene = Scene::new(mode);
            scene.program(&program);
            assert_eq!(scene.run(&["run", "p.yaml"]).0, 0);
            let mut files = Vec::new();
            files_below(&scene.at("home"), &mut files);
            for file in files.iter().filter(|file| concerned(file) && file.is_file()) {
                writable(file);
                damage(file);
                damaged += 1;
                let name = file.strip_prefix(scene.at("home")).unwrap().display().to_string();
                let (code, text, errors) = scene.run(&["run", "p.yaml", "--json"]);
                assert!(!errors.contains("panicked"), "{name} {what}: {errors}");
                // Nothing of ours makes a folder there; it is told, and left alone.
                let told = what == "a folder"
                    && code == 1
                    && (errors.contains("directory") || errors.contains("no regular file"));
                let right = code == 0 && text.contains("\"result\": \"precious\"");
                assert!(right || told, "{name} {what}: {errors}");
                if told {
                    std::fs::remove_dir(file).unwrap();
                    continue;
                }
                for command in [&["cache", "show"][..], &["runs"], &["cache", "gc"]] {
                    let (code, _, errors) = scene.run(command);
                    assert!(
                        (0..=1).contains(&code) && !errors.contains("panicked"),
                        "{name} {what}: {errors}"
                    );
                }
                scene.unharmed(what);
            }
        }
        assert!(damaged >= 5, "{damaged} files were damaged");
    }
}

#[test]
fn a_damaged_index_of_results_is_noticed() {
    each_damaged(|file| file.starts_with_name("index.log"));
}

#[test]
fn damaged_artifacts_are_noticed() {
    each_damaged(|file| file.to_string_lossy().contains("/objects/"));
}

#[test]
fn damaged_memories_of_the_store_are_noticed() {
    each_damaged(|file| {
        file.to_string_lossy().contains("/cache/")
            && !file.to_string_lossy().contains("/objects/")
            && !file.starts_with_name("index.log")
    });
}

#[test]
fn damaged_records_of_an_earlier_run_do_not_harm_the_next() {
    each_damaged(|file| {
        let path = file.to_string_lossy();
        path.contains("/runs/") && !path.contains("/steps/")
    });
}

#[test]
fn damaged_logs_and_results_of_an_earlier_run_do_not_harm_the_next() {
    each_damaged(|file| file.to_string_lossy().contains("/steps/"));
}

trait Named {
    fn starts_with_name(&self, name: &str) -> bool;
}

impl Named for Path {
    fn starts_with_name(&self, name: &str) -> bool {
        self.file_name().is_some_and(|found| found.to_string_lossy().starts_with(name))
    }
}

#[test]
fn model_files_that_are_none_are_refused() {
    let scene = Scene::new(Mode { other_user: false, landlock: true });
    std::fs::create_dir(scene.at("work/folder.gguf")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", scene.at("work/endless.gguf")).unwrap();
    std::os::unix::fs::symlink("loop.gguf", scene.at("work/loop.gguf")).unwrap();
    for (file, content) in [("empty", ""), ("short", "GG"), ("other", "GGML and more"), ("cut", "GGUF\u{3}")]
    {
        scene.write(&format!("work/{file}.gguf"), content);
    }
    for file in ["folder", "endless", "loop", "empty", "short", "other", "cut", "missing"] {
        let (code, _, errors) = scene.run(&["nl", "load a.csv", "--model", &format!("./{file}.gguf")]);
        assert!((1..=4).contains(&code) && !errors.contains("panicked"), "{file}: {code} {errors}");
    }
}

#[test]
fn settings_and_conversations_that_are_damaged_are_told() {
    let scene = Scene::new(Mode { other_user: false, landlock: true });
    scene.program(&step("a", "echo x", ""));
    for text in [
        "lake = 3",
        "lake = [\"/nowhere\"]",
        "\u{0}",
        "[[[[",
        "timeout_seconds = -1",
        "model = \"a\"\nmodel = \"b\"",
    ] {
        scene.write("home/config.toml", text);
        let (code, _, errors) = scene.run(&["run", "p.yaml"]);
        assert!((0..=2).contains(&code) && !errors.contains("panicked"), "{text:?}: {code} {errors}");
    }
    std::fs::remove_file(scene.at("home/config.toml")).unwrap();
    for folder in ["home/chats"] {
        std::fs::create_dir_all(scene.at(folder)).unwrap();
        for (name, text) in [
            ("a.json", ""),
            ("b.json", "{\"version\": 99}"),
            ("c.json", "{\"version\": 1, \"turns\": 7}"),
            ("d.json", "[[[["),
        ] {
            scene.write(&format!("{folder}/{name}"), text);
        }
    }
    scene.write("work/said", "/sessions\n/resume a\n/resume ../../canary/file\n/quit\n");
    let mut command = scene.couler(&["chat"]);
    command
        .env("COULER_MODEL", "m")
        .env("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
        .env("OPENAI_API_KEY", "none");
    command.stdin(std::fs::File::open(scene.at("work/said")).unwrap());
    let (code, _, errors) = scene.finished(command);
    assert!((0..=4).contains(&code) && !errors.contains("panicked"), "{code} {errors}");
    scene.unharmed("sessions");
}
