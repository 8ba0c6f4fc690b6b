//! To which family does a model belong?

use std::sync::LazyLock;

use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    family: Vec<Family>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Family {
    name: String,
    /// Beginnings of the names of its models, without the folder of a provider.
    models: Vec<String>,
}

/// Beginnings of names with their families, longest first.
static FAMILIES: LazyLock<Vec<(String, String)>> = LazyLock::new(|| {
    // That the shipped table can be read is held by a test of this module.
    let file: File = toml::from_str(include_str!("../mappings/models.toml")).unwrap_or(File { family: Vec::new() });
    let mut families: Vec<_> = file
        .family
        .into_iter()
        .flat_map(|family| family.models.into_iter().map(move |model| (model, family.name.clone())))
        .collect();
    families.sort_by_key(|(model, _)| std::cmp::Reverse(model.len()));
    families
});

/// The family of `model`, by a table that is shipped; nothing if the table does not know it.
///
/// What stands before the last `/` or `:`-separated region, as routers and clouds write it, does not count.
///
/// ```
/// use tidegate_otlp::model_family;
///
/// assert_eq!(model_family("gpt-4o-mini-2024-07-18"), Some("gpt-4o"));
/// assert_eq!(model_family("openrouter/anthropic/claude-3-5-sonnet-20241022"), Some("claude-3"));
/// assert_eq!(model_family("eu.anthropic.claude-sonnet-4-20250514-v1:0"), Some("claude-4"));
/// assert_eq!(model_family("in-house-7"), None);
/// ```
pub fn model_family(model: &str) -> Option<&'static str> {
    let name = model.rsplit('/').next().unwrap_or(model).to_ascii_lowercase();
    let of = |name: &str| FAMILIES.iter().find(|(beginning, _)| name.starts_with(beginning.as_str()));
    of(&name).or_else(|| of(after_vendor(&name))).map(|(_, family)| family.as_str())
}

/// `name` without `eu.anthropic.`, as clouds write it.
fn after_vendor(name: &str) -> &str {
    ["anthropic.", "meta.", "amazon.", "mistral.", "cohere.", "deepseek.", "openai."]
        .iter()
        .find_map(|vendor| name.split_once(vendor).map(|(_, rest)| rest))
        .unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_read_and_says_each_beginning_once() {
        let mut models: Vec<_> = FAMILIES.iter().map(|(model, _)| model).collect();
        assert!(models.len() > 40);
        let all = models.len();
        models.sort();
        models.dedup();
        assert_eq!(models.len(), all);
        assert!(FAMILIES.iter().all(|(model, _)| *model == model.to_lowercase()));
    }

    #[test]
    fn the_longest_beginning_counts() {
        for (model, family) in [
            ("gpt-4", "gpt-4"),
            ("gpt-4.1-nano", "gpt-4.1"),
            ("gpt-4o", "gpt-4o"),
            ("o3-mini", "o3"),
            ("claude-opus-4-1", "claude-4"),
            ("models/gemini-2.5-pro", "gemini-2.5"),
            ("us.meta.llama3-3-70b-instruct-v1:0", "llama-3"),
            ("Qwen/Qwen3-32B", "qwen-3"),
        ] {
            assert_eq!(model_family(model), Some(family), "{model}");
        }
    }
}
