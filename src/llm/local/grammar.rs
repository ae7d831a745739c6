//! Constraining every token to a JSON schema.

use std::sync::Arc;

use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::sampling::LlamaSampler;
use llguidance::api::TopLevelGrammar;
use llguidance::toktrie::{InferenceCapabilities, TokEnv, TokTrie, TokenId, TokenizerEnv};
use llguidance::{JsonCompileOptions, Matcher, ParserFactory};
use serde_json::Value;

use crate::llm::LlmError;

/// The model's own tokenizer, so that forced text is tokenized as the model would have written it.
struct ModelTokenizer {
    model: Arc<LlamaModel>,
    trie: TokTrie,
    canonical: bool,
}

impl TokenizerEnv for ModelTokenizer {
    fn tok_trie(&self) -> &TokTrie {
        &self.trie
    }

    fn tokenize_bytes(&self, bytes: &[u8]) -> Vec<TokenId> {
        tokenize(&self.model, bytes)
    }

    fn tokenize_is_canonical(&self) -> bool {
        self.canonical
    }
}

fn tokenize(model: &LlamaModel, bytes: &[u8]) -> Vec<TokenId> {
    model.vocab().tokenize(bytes, false, false).into_iter().map(|token| token.0.cast_unsigned()).collect()
}

/// Makes matchers for schemas.
pub(super) struct Grammars {
    factory: ParserFactory,
}

impl Grammars {
    /// Prepares the vocabulary of a model (some hundred milliseconds).
    pub(super) fn new(model: &Arc<LlamaModel>) -> Result<Self, LlmError> {
        let approximate = LlamaSampler::llguidance_tok_env(model);
        let trie = approximate.tok_trie().clone();
        // Tokenizers that add a space in front cannot be used to force text in the middle of an answer.
        let sample = br#"{"a":["#;
        let canonical = trie.decode(&tokenize(model, sample)) == sample;
        let env: TokEnv = Arc::new(ModelTokenizer { model: Arc::clone(model), trie, canonical });
        let capabilities = InferenceCapabilities { ff_tokens: true, ..InferenceCapabilities::default() };
        let mut factory =
            ParserFactory::new(&env, capabilities, &llguidance::earley::SlicedBiasComputer::json_slices())
                .map_err(|error| LlmError::Engine(error.to_string()))?;
        factory.quiet();
        Ok(Self { factory })
    }

    /// A matcher for answers that satisfy `schema`, in compact JSON.
    pub(super) fn matcher(&self, schema: &Value) -> Result<Matcher, LlmError> {
        let mut schema = schema.clone();
        let options = JsonCompileOptions {
            whitespace_flexible: false,
            item_separator: ",".into(),
            key_separator: ":".into(),
            lenient: true,
            // `\u` escapes would let the model spell one text in many ways.
            json_allowed_escapes: Some("nrtbf\"\\".into()),
            ..JsonCompileOptions::default()
        };
        options.apply_to(&mut schema);
        let parser = self.factory.create_parser(TopLevelGrammar::from_json_schema(schema));
        let matcher = Matcher::new(parser);
        match matcher.get_error() {
            None => Ok(matcher),
            Some(error) => Err(LlmError::Engine(format!("the schema cannot be used: {error}"))),
        }
    }
}
