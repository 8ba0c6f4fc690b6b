//! What does it cost to keep a distribution, beside Datadog's own crate?

#![expect(missing_docs, reason = "criterion's macro makes a public function without any")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tidegate_sketch::{DdSketch, Freq, Hll};

const VALUES: u64 = 1_000_000;

/// Numbers from e^2 to e^8, as latencies have it, from splitmix64.
fn values() -> Vec<f64> {
    let mix = |at: u64| {
        let z = at.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    let unit = |at| (mix(at) >> 11) as f64 / (1_u64 << 53) as f64;
    (1..=VALUES).map(|at| (2.0 + 6.0 * unit(at)).exp()).collect()
}

fn sketches(criterion: &mut Criterion) {
    let values = values();
    let mut group = criterion.benchmark_group("values");
    group.throughput(Throughput::Elements(VALUES)).sample_size(20);
    group.bench_function("ddsketch", |bencher| {
        bencher.iter(|| {
            let mut sketch = DdSketch::default();
            sketch.extend(&values);
            sketch
        });
    });
    group.bench_function("ddsketch of Datadog", |bencher| {
        bencher.iter(|| {
            let mut sketch = sketches_ddsketch::DDSketch::default();
            values.iter().for_each(|x| sketch.add(*x));
            sketch
        });
    });
    group.bench_function("hll", |bencher| {
        bencher.iter(|| {
            let mut hll = Hll::default();
            values.iter().for_each(|x| hll.add_number(*x));
            hll
        });
    });
    let names = values.iter().map(|x| format!("category {}", x.ln() as u32)).collect::<Vec<_>>();
    group.bench_function("freq of seven categories", |bencher| {
        bencher.iter(|| {
            let mut freq = Freq::default();
            names.iter().for_each(|name| freq.add(name));
            freq
        });
    });
    group.finish();

    let mut sketch = DdSketch::default();
    sketch.extend(&values);
    let bytes = sketch.to_bytes();
    let mut group = criterion.benchmark_group("sketches");
    group.bench_function("encode", |bencher| bencher.iter(|| sketch.to_bytes()));
    group.bench_function("decode and merge", |bencher| {
        let mut all = DdSketch::default();
        bencher.iter(|| all.merge(&DdSketch::from_bytes(&bytes).expect("a sketch")));
    });
    group.finish();
}

criterion_group!(benches, sketches);
criterion_main!(benches);
