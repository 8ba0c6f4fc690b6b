//! Under which rules does DataFusion plan a signal?
//!
//! Optimizer rules that answer an aggregate from file statistics, cut its state short for a `LIMIT`,
//! or split it in two are left out: a state must stand for all rows that were read.

use std::sync::Arc;

use datafusion::execution::SessionStateBuilder;
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::prelude::{SessionConfig, SessionContext};

use crate::aggregate;
use crate::error::Result;
use crate::node::ReleaseQueryPlanner;

/// Physical rules that make partial state incomplete or replace the aggregate by statistics.
const LEFT_OUT: [&str; 4] =
    ["aggregate_statistics", "LimitAggregation", "LimitedDistinctAggregation", "TopKRepartition"];

/// Logical rules that change the shape of the aggregation or of what it reads.
const LEFT_OUT_LOGICAL: [&str; 3] = [
    // It would turn one COUNT(DISTINCT) into two aggregations.
    "single_distinct_aggregation_to_group_by",
    // They would take a filter that no row passes out of the plan, source and all, and the plan is a
    // template: rows put in place of the empty relation would meet no filter.
    "eliminate_filter",
    "propagate_empty_relation",
];

/// A session for ad hoc queries: DataFusion as it is, with the same functions that signals have.
pub fn query_session() -> SessionContext {
    let mut config = SessionConfig::new();
    config.options_mut().sql_parser.collect_spans = true;
    // Parquet statistics leave NaN out: a column of 1.0 and NaN would be taken for a constant.
    config.options_mut().execution.collect_statistics = false;
    let context = SessionContext::new_with_config(config);
    with_functions(context)
}

/// A session that plans and runs queries over released rows: as for ad hoc queries, in one partition, so that the same rows
/// give the same answer.
pub fn view_session_in(pool: &Pool) -> SessionContext {
    let mut config = SessionConfig::new().with_target_partitions(1).with_information_schema(false);
    config.options_mut().sql_parser.collect_spans = true;
    config.options_mut().execution.collect_statistics = false;
    with_functions(SessionContext::new_with_config_rt(config, Arc::clone(&pool.0)))
}

/// The memory that all sessions made in it share.
///
/// A partial aggregation that finds none left hands on what it has and begins anew: its groups then stand in the state
/// more than once, and merging adds them up. A final one spills to the disk.
#[derive(Debug, Clone, Default)]
pub struct Pool(Arc<RuntimeEnv>);

impl Pool {
    /// A pool of so many bytes.
    ///
    /// # Errors
    /// When there is no folder to spill to.
    pub fn of(bytes: usize) -> Result<Self> {
        let pool = Arc::new(FairSpillPool::new(bytes));
        Ok(Self(Arc::new(RuntimeEnvBuilder::new().with_memory_pool(pool).build()?)))
    }
}

/// A session that plans signals, with memory without bounds.
pub fn session() -> SessionContext {
    session_in(&Pool::default())
}

/// A session that plans signals: one partition, exact aggregates, source spans kept for messages.
pub fn session_in(pool: &Pool) -> SessionContext {
    let mut config = SessionConfig::new().with_target_partitions(1).with_information_schema(false);
    let options = config.options_mut();
    options.sql_parser.collect_spans = true;
    options.execution.enable_file_stream_work_stealing = false;
    // MIN and MAX would leave out rows below, and rows left out are counted as filtered.
    options.optimizer.enable_aggregate_dynamic_filter_pushdown = false;
    // A join tells its rows to a filter below, and rows left out there were not seen by the join.
    options.optimizer.enable_join_dynamic_filter_pushdown = false;
    // A partial aggregation that gives up would emit one state row per input row.
    options.execution.skip_partial_aggregation_probe_ratio_threshold = f64::INFINITY;

    let mut rules = PhysicalOptimizer::new().rules;
    rules.retain(|rule| !LEFT_OUT.contains(&rule.name()));
    let state = SessionStateBuilder::new()
        .with_config(config)
        .with_runtime_env(Arc::clone(&pool.0))
        .with_default_features()
        .with_physical_optimizer_rules(rules)
        .with_query_planner(Arc::new(ReleaseQueryPlanner))
        .build();
    let context = SessionContext::new_with_state(state);
    for rule in LEFT_OUT_LOGICAL {
        context.remove_optimizer_rule(rule);
    }
    with_functions(context)
}

/// Adds what every session knows beyond DataFusion's own functions.
fn with_functions(context: SessionContext) -> SessionContext {
    for function in aggregate::functions() {
        context.register_udaf(function);
    }
    for function in tidegate_functions::scalar_functions() {
        context.register_udf(function);
    }
    for function in tidegate_functions::window_functions() {
        context.register_udwf(function);
    }
    context
}

#[cfg(test)]
mod tests {
    use datafusion::optimizer::Optimizer;

    use super::*;

    #[test]
    fn the_rules_left_out_exist() {
        let physical = PhysicalOptimizer::new().rules;
        for left_out in LEFT_OUT {
            assert!(physical.iter().any(|rule| rule.name() == left_out), "{left_out}");
        }
        let logical = Optimizer::new().rules;
        for left_out in LEFT_OUT_LOGICAL {
            assert!(logical.iter().any(|rule| rule.name() == left_out), "{left_out}");
        }
        let state = session().state();
        assert_eq!(state.physical_optimizers().len(), physical.len() - LEFT_OUT.len());
        assert_eq!(state.optimizers().len(), logical.len() - LEFT_OUT_LOGICAL.len());
    }
}
