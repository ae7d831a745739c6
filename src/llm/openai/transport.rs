//! The connection to a server: where, with which key, and without the client library's own retries.

use std::time::{Duration, SystemTime};

use async_openai::Client;
use async_openai::config::Config;
use async_openai::error::OpenAIError;
use async_openai::middleware::HttpRequestFactory;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use secrecy::SecretString;

use super::retry::parse_retry_after;
use super::settings::OpenAiSettings;
use super::wire::ModelList;
use crate::llm::LlmError;

/// Longest body that is read when it is not an event stream.
const LONGEST_BODY: usize = 16 << 20;

/// Longest wait for the TCP and TLS handshake.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Installs `ring` as the process's TLS provider, unless one is installed already.
///
/// `reqwest` is built without a provider of its own, so this must run before any HTTPS client is made. `main`
/// calls it first thing; [`OpenAiModel::new`](super::OpenAiModel::new) and the store call it again, which
/// costs nothing.
pub fn install_tls_provider() {
    // An error means that another thread was faster, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// Base URL and headers of one server.
#[derive(Clone)]
pub(super) struct Endpoint {
    base: String,
    authorization: Option<HeaderValue>,
    /// Never used: the trait wants one, and the key itself lives in `authorization`.
    no_key: SecretString,
}

impl Config for Endpoint {
    fn headers(&self) -> HeaderMap {
        self.authorization.iter().map(|value| (AUTHORIZATION, value.clone())).collect()
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    fn query(&self) -> Vec<(&str, &str)> {
        Vec::new()
    }

    fn api_base(&self) -> &str {
        &self.base
    }

    fn api_key(&self) -> &SecretString {
        &self.no_key
    }
}

/// An answer that is not an event stream: an error, or a completion of a server that does not stream.
#[derive(Debug, thiserror::Error)]
#[error("HTTP status {status}")]
pub(super) struct Reply {
    pub status: u16,
    pub retry_after: Option<Duration>,
    pub body: String,
}

/// The client for [`OpenAiSettings`], and the plain HTTP client below it.
pub(super) fn connect(settings: &OpenAiSettings) -> Result<(Client<Endpoint>, reqwest::Client), LlmError> {
    install_tls_provider();
    let endpoint = endpoint(settings)?;
    let limit = CONNECT_TIMEOUT.min(Duration::from_secs(settings.timeout_seconds.max(1)));
    let http =
        reqwest::Client::builder().connect_timeout(limit).build().map_err(|error| LlmError::Unreachable {
            url: without_credentials(&settings.base_url),
            reason: super::failure::root_cause(&error),
        })?;
    let transport = http.clone();
    let service = tower::service_fn(move |factory| send(transport.clone(), factory));
    Ok((Client::build(http.clone(), endpoint).with_http_service(service), http))
}

fn endpoint(settings: &OpenAiSettings) -> Result<Endpoint, LlmError> {
    let key = settings.key.as_deref().map(str::trim).filter(|key| !key.is_empty());
    let authorization = key.map(|key| HeaderValue::from_str(&format!("Bearer {key}"))).transpose();
    // A key that does not even fit into a header would be refused by every server.
    let refused = |_| LlmError::Key { url: without_credentials(&settings.base_url), status: 401 };
    let mut authorization = authorization.map_err(refused)?;
    if let Some(value) = &mut authorization {
        value.set_sensitive(true);
    }
    Ok(Endpoint {
        base: settings.base_url.trim_end_matches('/').to_owned(),
        authorization,
        no_key: String::new().into(),
    })
}

/// Sends once; what is not an event stream comes back as an error with status, headers and body, whatever its
/// form.
async fn send(http: reqwest::Client, factory: HttpRequestFactory) -> Result<reqwest::Response, OpenAIError> {
    let request = factory.build().await?;
    let response = http.execute(request).await.map_err(|error| OpenAIError::Reqwest(error.without_url()))?;
    if response.status().is_success() && may_be_stream(response.headers()) {
        return Ok(response);
    }
    let status = response.status().as_u16();
    let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let retry_after = retry_after.and_then(|value| parse_retry_after(value, SystemTime::now()));
    let body = read_body(response).await?;
    Err(OpenAIError::Boxed(Box::new(Reply { status, retry_after, body })))
}

fn may_be_stream(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    !["application/json", "text/html"].iter().any(|whole| kind.starts_with(whole))
}

async fn read_body(mut response: reqwest::Response) -> Result<String, OpenAIError> {
    let mut body = Vec::new();
    while let Some(bytes) =
        response.chunk().await.map_err(|error| OpenAIError::Reqwest(error.without_url()))?
    {
        body.extend_from_slice(&bytes);
        if body.len() > LONGEST_BODY {
            break;
        }
    }
    Ok(String::from_utf8_lossy(&body).into_owned())
}

/// Names of the models that the server offers; empty when it does not tell within 5 s.
pub(super) async fn offered_models(http: &reqwest::Client, endpoint: &Endpoint) -> Vec<String> {
    let request =
        http.get(endpoint.url("/models")).headers(endpoint.headers()).timeout(Duration::from_secs(5));
    let Ok(response) = request.send().await else { return Vec::new() };
    match response.json::<ModelList>().await {
        Ok(list) => list.data.into_iter().map(|model| model.id).collect(),
        Err(_) => Vec::new(),
    }
}

/// A URL as it may be shown: without user, password, query and fragment.
pub(super) fn without_credentials(url: &str) -> String {
    let Ok(mut parsed) = reqwest::Url::parse(url) else { return url.to_owned() };
    // Both fail only for URLs that cannot hold credentials.
    let _ = parsed.set_username("");
    let _ = parsed.set_password(None);
    parsed.set_query(None);
    parsed.set_fragment(None);
    parsed.as_str().trim_end_matches('/').to_owned()
}
