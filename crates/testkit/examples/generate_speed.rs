//! How many rows does one core generate in a second? Run with `--release`; takes rows and a folder to
//! write to, both optional: `generate_speed 2000000 /tmp/traces`.

use std::io::{self, Write};
use std::path::Path;
use std::time::Instant;

use tidegate_testkit::generate::{Config, Generator};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let rows = arguments.next().map_or(Ok(3_000_000), |rows| rows.parse())?;
    let generator = Generator::new(Config { rows, ..Config::default() })?;
    let mut out = io::stdout();

    let start = Instant::now();
    let (mut rows, mut bytes) = (0, 0);
    for chunk in 0..generator.chunks() {
        let batch = generator.decisions(chunk)?;
        rows += batch.num_rows();
        bytes += batch.get_array_memory_size();
    }
    let per_second = rows as f64 / start.elapsed().as_secs_f64();
    writeln!(out, "decisions: {rows} rows, {per_second:.0} rows/s, {} bytes/row", bytes / rows)?;

    let start = Instant::now();
    let labels = (0..generator.chunks()).map(|chunk| Ok(generator.labels(chunk)?.num_rows()));
    let labels: usize = labels.sum::<Result<_, tidegate_testkit::generate::Error>>()?;
    let per_second = labels as f64 / start.elapsed().as_secs_f64();
    writeln!(out, "labels: {labels} rows, {per_second:.0} rows/s")?;

    if let Some(dir) = arguments.next() {
        let start = Instant::now();
        let written = generator.write(Path::new(&dir), 1, |_| ())?;
        let per_second = written.rows as f64 / start.elapsed().as_secs_f64();
        writeln!(out, "written on one thread: {written:?}, {per_second:.0} rows/s")?;
    }
    Ok(())
}
