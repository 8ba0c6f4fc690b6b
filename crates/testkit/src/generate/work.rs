//! What did a decision take: time, tokens, tools and money?

use tidegate_contract::Outcome;

use super::catalog::{MODELS, Model, TASKS};
use super::verdict::clamped;
use crate::random::Random;

const TOOL_CALL_US: i64 = 350_000;
const RETRIEVAL_US: i64 = 90_000;

/// What a decision took.
pub(super) struct Work {
    pub(super) latency_us: i64,
    pub(super) time_to_first_token_us: Option<i64>,
    pub(super) tool_calls: i32,
    pub(super) tool_failures: i32,
    pub(super) retrievals: i32,
    pub(super) retrieval_confidence: Option<f64>,
    /// Not every emitter reports it.
    pub(super) usage: Option<Usage>,
}

/// Tokens, and what they cost.
pub(super) struct Usage {
    pub(super) input_tokens: i64,
    pub(super) output_tokens: i64,
    pub(super) cache_read_tokens: Option<i64>,
    pub(super) cache_write_tokens: Option<i64>,
    pub(super) reasoning_tokens: Option<i64>,
    pub(super) cost_nanousd: i64,
}

impl Work {
    /// Draws what `model` takes for `task`, with inputs `factor` times as long as usual.
    pub(super) fn draw(random: &mut Random, task: u8, model: u8, outcome: Outcome, factor: f64) -> Self {
        let (task, model) = (&TASKS[usize::from(task)], &MODELS[usize::from(model)]);
        let input_tokens = random.around(factor * task.input_tokens_median, 0.6) as i64;
        let output_tokens = random.around(task.output_tokens_median, 0.5) as i64;
        let tool_calls = count(random, task.tool_calls);
        let retrievals = count(random, task.retrievals);
        let first_token_us = random.around(model.first_token_us, 0.3) as i64;
        let writing_us = random.around(model.output_token_us * output_tokens as f64, 0.2) as i64;
        let waiting_us = i64::from(tool_calls) * TOOL_CALL_US + i64::from(retrievals) * RETRIEVAL_US;
        Self {
            latency_us: first_token_us + writing_us + waiting_us,
            time_to_first_token_us: (outcome != Outcome::Error).then_some(first_token_us),
            tool_calls,
            tool_failures: i32::from(random.chance(0.03 * f64::from(tool_calls))),
            retrievals,
            retrieval_confidence: (retrievals > 0).then(|| clamped(0.72 + 0.13 * random.normal())),
            usage: random.chance(0.985).then(|| Usage::draw(random, model, input_tokens, output_tokens)),
        }
    }
}

impl Usage {
    /// Prices the tokens of `model`: what the cache reads costs a tenth of new input.
    fn draw(random: &mut Random, model: &Model, input_tokens: i64, output_tokens: i64) -> Self {
        let cached = (input_tokens as f64 * 0.8 * random.unit()) as i64;
        let cache_read_tokens = random.chance(0.4).then_some(cached);
        let reasoning = (output_tokens as f64 * random.unit()) as i64;
        let read = cache_read_tokens.unwrap_or(0);
        let new_input_nanousd = (input_tokens - read) * model.input_token_nanousd;
        Self {
            input_tokens,
            output_tokens,
            cache_read_tokens,
            cache_write_tokens: cache_read_tokens.map(|read| input_tokens - read),
            reasoning_tokens: model.reasons.then_some(reasoning),
            cost_nanousd: new_input_nanousd
                + read * model.input_token_nanousd / 10
                + output_tokens * model.output_token_nanousd,
        }
    }
}

/// A small count with a long tail, `usual` on average.
fn count(random: &mut Random, usual: f64) -> i32 {
    (4.0 * (usual + 0.5) * random.unit() * random.unit()) as i32
}
