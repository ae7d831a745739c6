//! Prices of OpenAI's models, from the data file beside this module.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::llm::Price;

static PRICES: LazyLock<BTreeMap<String, Price>> =
    LazyLock::new(|| toml::from_str(include_str!("prices.toml")).expect("prices.toml is checked by a test"));

/// The published price of one of OpenAI's models; `None` where it is not known.
///
/// A listed name covers its dated snapshots too: `gpt-4o` covers `gpt-4o-2024-08-06` and `gpt-4o-latest`, but
/// not `gpt-4o-mini`, whose price differs.
pub fn price_of(model: &str) -> Option<Price> {
    PRICES.iter().find(|(name, _)| covers(name, model)).map(|(_, price)| *price)
}

fn covers(name: &str, model: &str) -> bool {
    match model.strip_prefix(name) {
        Some("" | "-latest") => true,
        Some(rest) => rest.starts_with('-') && rest.chars().all(|c| c == '-' || c.is_ascii_digit()),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snapshots_have_the_price_of_their_model() {
        let mini = Price { prompt: 0.15, cached: 0.075, completion: 0.60 };
        assert_eq!(price_of("gpt-4o-mini"), Some(mini));
        assert_eq!(price_of("gpt-4o-mini-2024-07-18"), Some(mini));
        assert_eq!(price_of("gpt-4o-2024-08-06").map(|p| p.prompt), Some(2.5));
    }

    #[test]
    fn other_variants_are_unknown() {
        for model in ["gpt-4o-audio-preview", "gpt-5-pro", "gpt-5.9", "ft:gpt-4o:me::1", "llama3", ""] {
            assert_eq!(price_of(model), None, "{model}");
        }
    }

    #[test]
    fn every_price_is_sensible() {
        for (name, price) in PRICES.iter() {
            assert!(
                price.cached > 0.0 && price.cached <= price.prompt && price.prompt < price.completion,
                "{name}"
            );
        }
    }
}
