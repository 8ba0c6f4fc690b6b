//! How large is the noise in a statistic going to be? Known before anything is read: it follows from what is declared.

use tidegate_privacy::Calibration;

use super::measure::Statistic;
use super::spec::PrivateSpec;

/// The noise to expect in one statistic of a group.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Expected {
    /// The statistic without noise when every unit contributes as much as it may; none for averages, whose size says
    /// nothing about how many units there are.
    pub most: Option<f64>,
    /// The standard deviation of the noise, in the statistic's own unit; of averages, the largest it can be; of percentiles, in
    /// shares of the group by which the rank is off.
    pub stddev: f64,
}

impl PrivateSpec {
    /// The noise in each statistic of a group of so many units, in the order of the query. `calibration` is this
    /// declaration's own.
    pub fn expected(&self, calibration: &Calibration, units: u64) -> Vec<Expected> {
        let units = units.max(1) as f64;
        let mut first = 0;
        let of = |measure: &super::MeasureSpec| {
            let noise = |number: usize| calibration.stddev(first + number);
            let scales = measure.scales();
            let (step, reach) = (scales[0].step, scales[0].reach().max(1) as f64);
            let expected = match measure.statistic {
                Statistic::Units => {
                    let stddev = calibration.selection_stddev().unwrap_or_else(|| noise(0));
                    Expected { most: Some(units), stddev }
                }
                // Of one bin, or one power of two.
                Statistic::Histogram | Statistic::Extent(_) => Expected { most: Some(units), stddev: noise(0) },
                // Of the rank as a share of all: half of the nodes beside each node on the way to a cell.
                Statistic::Quantile => {
                    let nodes = measure.cells.map_or(1.0, |cells| cells.beside());
                    Expected { most: None, stddev: noise(0) * nodes.sqrt() / units }
                }
                Statistic::Count | Statistic::Sum => {
                    Expected { most: Some(reach * step * units), stddev: noise(0) * step }
                }
                // At a bound, where the noise of the count counts most.
                Statistic::Mean => Expected { most: None, stddev: noise(0).hypot(reach * noise(1)) / units * step },
                Statistic::Variance | Statistic::Deviation => {
                    let (of_mean, of_square, of_count) =
                        (2.0 * noise(0) / reach, noise(1) * scales[1].step, 1.5 * noise(2));
                    let width = reach * step;
                    let variance = of_mean.hypot(of_square).hypot(of_count) / units * width * width;
                    let is_root = measure.statistic == Statistic::Deviation;
                    Expected { most: None, stddev: if is_root { variance.sqrt() } else { variance } }
                }
            };
            first += measure.statistic.numbers(self.selects());
            expected
        };
        self.measures.iter().map(of).collect()
    }
}
