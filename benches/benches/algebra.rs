//! What do partial, merge and release cost, beside a plain GROUP BY over the same batches?

#![expect(missing_docs, reason = "criterion's macro makes a public function without any")]

use std::sync::Arc;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::catalog::MemTable;
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::{SessionConfig, SessionContext};
use tidegate_algebra::{Cut, Panes, PartialState, Release, session};
use tidegate_testkit::generate::{Config, Generator};

const ROWS: u64 = 200_000;
const QUERY: &str = "SELECT task_class, region, COUNT(*) AS n, SUM(confidence) AS s, AVG(confidence) AS a, \
    MIN(latency_us) AS l, MAX(latency_us) AS m FROM t GROUP BY task_class, region";

fn batches() -> (SchemaRef, Vec<RecordBatch>) {
    let generator = Generator::new(Config { rows: ROWS, days: 1, ..Config::default() }).expect("a valid configuration");
    let columns = ["task_class", "region", "confidence", "latency_us"];
    let whole = generator.decisions(0).expect("generated rows");
    let places = columns.map(|name| whole.schema().index_of(name).expect("a canonical column"));
    let whole = whole.project(&places).expect("canonical columns");
    let schema = Arc::new(Schema::new(whole.schema().fields().clone()));
    let parts = (0..whole.num_rows()).step_by(8_192).map(|at| whole.slice(at, 8_192.min(whole.num_rows() - at)));
    (schema, parts.collect())
}

async fn cut(schema: &SchemaRef) -> Cut {
    let session = session();
    let table = MemTable::try_new(Arc::clone(schema), vec![vec![]]).expect("a table");
    session.register_table("t", Arc::new(table)).expect("a new table");
    let plan = session.state().create_logical_plan(QUERY).await.expect("a valid query");
    let LogicalPlan::Projection(projection) = plan else { panic!("a projection") };
    let LogicalPlan::Aggregate(aggregate) = projection.input.as_ref().clone() else { panic!("an aggregation") };
    let barred = Release::over(aggregate, None, None).expect("a barrier");
    Cut::plan(&session, &barred).await.expect("a plan")
}

async fn partials(cut: &Cut, schema: &SchemaRef, batches: &[RecordBatch]) -> Vec<PartialState> {
    let mut states = Vec::new();
    for batch in batches {
        states.push(cut.partial(schema, &[vec![batch.clone()]]).await.expect("a state").state);
    }
    states
}

async fn group_by(schema: &SchemaRef, batches: Vec<RecordBatch>) {
    let session = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(1));
    let table = MemTable::try_new(Arc::clone(schema), vec![batches]).expect("a table");
    session.register_table("t", Arc::new(table)).expect("a new table");
    session.sql(QUERY).await.expect("a query").collect().await.expect("rows");
}

fn algebra(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let (schema, batches) = batches();
    let cut = runtime.block_on(cut(&schema));
    let states = runtime.block_on(partials(&cut, &schema, &batches));
    let encoded = states.iter().map(|state| cut.layout().encode(state).expect("bytes")).collect::<Vec<_>>();

    let mut group = criterion.benchmark_group("rows");
    group.throughput(Throughput::Elements(ROWS)).sample_size(20);
    group.bench_function("plain GROUP BY", |bencher| {
        bencher.iter_batched(
            || batches.clone(),
            |batches| runtime.block_on(group_by(&schema, batches)),
            BatchSize::LargeInput,
        );
    });
    group.bench_function("one partial", |bencher| {
        bencher.iter(|| runtime.block_on(cut.partial(&schema, std::slice::from_ref(&batches))).expect("a state"));
    });
    group.bench_function("a partial per 8192 rows", |bencher| {
        bencher.iter(|| runtime.block_on(partials(&cut, &schema, &batches)));
    });
    group.finish();

    let mut group = criterion.benchmark_group("states");
    group.throughput(Throughput::Elements(states.len() as u64)).sample_size(20);
    group.bench_function("merge", |bencher| {
        bencher.iter_batched(|| states.clone(), |states| runtime.block_on(cut.merge(states)), BatchSize::LargeInput);
    });
    group.bench_function("release", |bencher| {
        bencher.iter_batched(
            || states.clone(),
            |states| runtime.block_on(cut.release(states, &Panes::default())),
            BatchSize::LargeInput,
        );
    });
    group.bench_function("decode", |bencher| {
        bencher.iter(|| encoded.iter().map(|bytes| cut.layout().decode(bytes).expect("a state").rows()).sum::<usize>());
    });
    group.finish();
}

criterion_group!(benches, algebra);
criterion_main!(benches);
