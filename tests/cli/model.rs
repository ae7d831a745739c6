//! `model`, and the embedded model itself.

use crate::harness::{Dir, finished};

#[test]
fn a_missing_model_tells_how_to_get_it() {
    let dir = Dir::new();
    let (code, stdout, errors) = dir.run(&["nl", "train xgboost on a.csv to predict y", "--model", "local"]);
    assert_eq!((code, stdout.as_str()), (4, ""), "{errors}");
    assert!(errors.contains("couler model pull"), "{errors}");
}

#[test]
fn a_file_with_the_wrong_hash_is_refused() {
    let dir = Dir::new();
    dir.write("other.gguf", "GGUF but not a model");
    let (code, _, errors) = dir.run(&["model", "pull", "--from", "other.gguf"]);
    assert_eq!(code, 4, "{errors}");
    assert!(dir.path().join("other.gguf").exists());
    let (code, _, errors) = dir.run(&["nl", "train xgboost", "--model", "other.gguf"]);
    assert_eq!(code, 4, "{errors}");
    assert!(errors.contains("other.gguf"), "{errors}");
}

#[test]
fn a_chosen_model_is_kept_in_the_configuration() {
    let dir = Dir::new();
    dir.write("home.toml", "timeout_seconds = 7\n");
    let config = dir.path().join("home.toml");
    let (code, _, errors) =
        finished(dir.couler().env("COULER_CONFIG", &config).args(["model", "use", "gpt-4o"]));
    assert_eq!(code, 0, "{errors}");
    assert_eq!(dir.read("home.toml"), "model = \"gpt-4o\"\ntimeout_seconds = 7\n");
    dir.write("home.toml", "modle = 'x'\n");
    let (code, _, errors) =
        finished(dir.couler().env("COULER_CONFIG", &config).args(["nl", "train xgboost"]));
    assert_eq!(code, 2, "{errors}");
    assert!(errors.contains("modle") && errors.contains("possible keys"), "{errors}");
}

/// The real model, once: a question is refused and a description becomes a valid manifest.
#[cfg(feature = "local")]
#[test]
fn the_embedded_model_writes_a_valid_workflow() {
    if std::env::var_os("COULER_TEST_MODEL").is_none() {
        eprintln!("skipped: COULER_TEST_MODEL is not set (`make test` fetches the model and sets it)");
        return;
    }
    let dir = Dir::new();
    let couler = |arguments: &[&str]| {
        let mut command = dir.couler();
        // The model of the user who runs the tests.
        command.env_remove("COULER_HOME");
        if let Some(home) = std::env::var_os("COULER_HOME") {
            command.env("COULER_HOME", home);
        }
        finished(command.args(arguments))
    };
    let (code, stdout, errors) = couler(&["nl", "Who painted the Mona Lisa?", "--model", "local"]);
    assert_eq!((code, stdout.as_str()), (3, ""), "{errors}");
    let text = "Run acme/extract:1.4, then acme/train:2 with 1 GPU, retry the training 3 times.";
    let (code, stdout, errors) = couler(&["nl", text, "--model", "local", "-o", "out.yaml", "--json"]);
    assert_eq!(code, 0, "{errors}");
    let report: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert!(report["usage"]["completion_tokens"].as_u64().unwrap() > 20);
    let manifest = dir.read("out.yaml");
    assert!(manifest.contains("acme/extract:1.4") && manifest.contains("acme/train:2"), "{manifest}");
    assert_eq!(dir.run(&["lint", "out.yaml"]).0, 0);
}
