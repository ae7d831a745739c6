//! Fetching a model file from the Hugging Face Hub, going on where an earlier download stopped.

use std::time::Duration;

use reqwest::header::{CONTENT_RANGE, ETAG, HeaderMap, IF_RANGE, RANGE};
use reqwest::{Response, StatusCode};

use super::part::{Origin, PartFile};
use super::progress::Progress;
use super::pull::Trouble;
use super::registry::{HubFile, KnownModel};
use super::shelf::StoreSettings;
use crate::llm::openai::{install_tls_provider, root_cause};

/// How often a transfer that broke off is taken up again within one pull.
const RESUMES: u32 = 3;

/// Longest silence of the server, before and within the answer.
const SILENCE: Duration = Duration::from_secs(30);

/// How one attempt ended.
enum Attempt {
    /// The file has its whole size.
    Complete,
    /// It broke off after some bytes.
    Interrupted(String),
}

/// Appends the rest of the file to `part`.
pub(super) async fn fetch(
    settings: &StoreSettings,
    model: &KnownModel,
    file: &HubFile,
    part: &mut PartFile,
    progress: &dyn Progress,
) -> Result<(), Trouble> {
    install_tls_provider();
    let client =
        reqwest::Client::builder().connect_timeout(settings.connect_timeout).read_timeout(SILENCE).build();
    let client = client.map_err(|error| Trouble::Source(cause(error)))?;
    let HubFile { repository, revision, file } = file;
    let base = settings.hub_url.trim_end_matches('/');
    let url = format!("{base}/{repository}/resolve/{revision}/{file}");
    let mut broken = String::new();
    for _ in 0..=RESUMES {
        let before = part.len();
        let attempt = transfer(&client, &url, model, part, progress).await;
        // What came so far is kept, however this attempt ended.
        part.flush().await?;
        match attempt? {
            Attempt::Complete => return Ok(()),
            Attempt::Interrupted(reason) => broken = reason,
        }
        if part.len() <= before {
            break;
        }
    }
    Err(Trouble::Source(format!(
        "the transfer broke off after {} of {} bytes ({broken})",
        part.len(),
        model.bytes
    )))
}

async fn transfer(
    client: &reqwest::Client,
    url: &str,
    model: &KnownModel,
    part: &mut PartFile,
    progress: &dyn Progress,
) -> Result<Attempt, Trouble> {
    if part.len() >= model.bytes {
        part.truncate(model.bytes).await?;
        return Ok(Attempt::Complete);
    }
    let mut response = open(client, url, part).await?;
    let start = position(&response, part.len(), model.bytes)?;
    part.truncate(start).await?;
    part.set_origin(Origin { etag: text(response.headers(), ETAG.as_str()), ..Origin::default() }).await?;
    progress.advanced(start);
    loop {
        match response.chunk().await {
            Ok(Some(bytes)) if part.len() + bytes.len() as u64 > model.bytes => {
                return Err(Trouble::Source(format!("the file there has more than {} bytes", model.bytes)));
            }
            Ok(Some(bytes)) => part.append(&bytes).await?,
            Ok(None) if part.len() == model.bytes => return Ok(Attempt::Complete),
            Ok(None) => return Ok(Attempt::Interrupted("the server closed the connection".into())),
            Err(error) => return Ok(Attempt::Interrupted(cause(error))),
        }
        progress.advanced(part.len());
    }
}

/// Asks for the rest; `If-Range` gets the whole file instead, should it have changed.
async fn open(client: &reqwest::Client, url: &str, part: &PartFile) -> Result<Response, Trouble> {
    let mut request = client.get(url);
    if part.len() > 0 {
        request = request.header(RANGE, format!("bytes={}-", part.len()));
        // A weak tag does not vouch for single bytes and may not stand here (RFC 9110, section 13.1.5).
        if let Some(etag) = part.origin.etag.as_ref().filter(|etag| !etag.starts_with("W/")) {
            request = request.header(IF_RANGE, etag);
        }
    }
    let answered = tokio::time::timeout(SILENCE, request.send()).await;
    let answered = answered.map_err(|_| Trouble::Source("the server does not answer".into()))?;
    answered.map_err(|error| Trouble::Source(cause(error)))
}

/// Where the bytes of the answer belong.
fn position(response: &Response, have: u64, total: u64) -> Result<u64, Trouble> {
    let other_size =
        |size: u64| Trouble::Source(format!("the file there has {size} bytes, expected {total}"));
    match response.status() {
        StatusCode::OK => match response.content_length() {
            Some(size) if size != total => Err(other_size(size)),
            _ => Ok(0),
        },
        StatusCode::PARTIAL_CONTENT => {
            let range = text(response.headers(), CONTENT_RANGE.as_str()).unwrap_or_default();
            match parse_content_range(&range) {
                Some((_, Some(size))) if size != total => Err(other_size(size)),
                Some((start, _)) if start == have => Ok(start),
                _ => Err(Trouble::Source(format!("the server sent another range than asked for: {range:?}"))),
            }
        }
        status => Err(Trouble::Source(format!("the server answered {status}"))),
    }
}

/// First byte and total size of `bytes FIRST-LAST/TOTAL`; the total may be `*`.
fn parse_content_range(value: &str) -> Option<(u64, Option<u64>)> {
    let (range, total) = value.strip_prefix("bytes ")?.split_once('/')?;
    let (first, _last) = range.split_once('-')?;
    Some((first.trim().parse().ok()?, total.trim().parse().ok()))
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(ToOwned::to_owned)
}

/// What went wrong, without the address, which may be signed.
fn cause(error: reqwest::Error) -> String {
    let in_time = if error.is_connect() { "no connection in time" } else { "the server fell silent" };
    if error.is_timeout() {
        return in_time.into();
    }
    root_cause(&error.without_url())
}
