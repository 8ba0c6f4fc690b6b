//! Did a mean change within a window that grows while it does not? Adaptive windowing, as River 0.26 does it.

use std::collections::VecDeque;

use super::Answer;
use crate::error::{Result, open_range};

/// ADWIN2 (A. Bifet and R. Gavalda, Learning from time-changing data with adaptive windowing, SIAM International
/// Conference on Data Mining 2007, 443-448; River 0.26, `drift.ADWIN`, whose detections it reproduces, and so its order
/// of operations).
///
/// The window is kept as buckets of 1, 2, 4, ... values, at most five of a size, so that it takes memory in the logarithm
/// of its length. Every 32 values each border between buckets is a candidate to cut at.
#[derive(Debug, Clone, PartialEq)]
pub struct Adwin {
    delta: f64,
    window: Window,
}

const CLOCK: u64 = 32;
const MOST_BUCKETS: usize = 5;
const LEAST_PART: f64 = 5.0;
const GRACE: f64 = 10.0;

impl Adwin {
    /// `delta` is the chance of a false cut at each look, for values in `[0, 1]`; River's default is 0.002.
    ///
    /// # Errors
    /// [`Error::OutOfRange`](crate::Error::OutOfRange) unless `0 < delta < 1`.
    pub fn new(delta: f64) -> Result<Self> {
        Ok(Self { delta: open_range("delta", delta, 0.0, 1.0, "(0, 1)")?, window: Window::default() })
    }

    /// The next finite value. The statistic is the mean of the window that is left.
    pub fn push(&mut self, x: f64) -> Answer {
        let window = &mut self.window;
        window.insert(x);
        let mut alarm = false;
        if window.seen.is_multiple_of(CLOCK) && window.width > GRACE {
            while window.has_cut(self.delta) {
                alarm = true;
                window.drop_oldest();
            }
        }
        let statistic = window.total / window.width;
        if alarm {
            *window = Window::default();
        }
        Answer { statistic, alarm }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
struct Window {
    /// Buckets of `2^i` values, oldest first.
    sizes: Vec<VecDeque<Bucket>>,
    seen: u64,
    width: f64,
    total: f64,
    /// Sum of squared deviations.
    squares: f64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Bucket {
    total: f64,
    squares: f64,
}

impl Window {
    fn insert(&mut self, x: f64) {
        self.seen += 1;
        self.width += 1.0;
        if self.width > 1.0 {
            let deviation = x - self.total / (self.width - 1.0);
            self.squares += (self.width - 1.0) * deviation * deviation / self.width;
        }
        self.total += x;
        self.place(0, Bucket { total: x, squares: 0.0 });
    }

    /// Adds a bucket of `2^i` values; one too many of a size become one of the next.
    fn place(&mut self, i: usize, bucket: Bucket) {
        if i == self.sizes.len() {
            self.sizes.push(VecDeque::with_capacity(MOST_BUCKETS + 1));
        }
        let buckets = &mut self.sizes[i];
        buckets.push_back(bucket);
        if buckets.len() <= MOST_BUCKETS {
            return;
        }
        let (Some(first), Some(second)) = (buckets.pop_front(), buckets.pop_front()) else { return };
        let size = size_of(i);
        let gap = first.total / size - second.total / size;
        let squares = first.squares + second.squares + size * 0.5 * gap * gap;
        self.place(i + 1, Bucket { total: first.total + second.total, squares });
    }

    fn drop_oldest(&mut self) {
        let Some(i) = self.sizes.len().checked_sub(1) else { return };
        if let Some(oldest) = self.sizes[i].pop_front() {
            let size = size_of(i);
            self.width -= size;
            self.total -= oldest.total;
            let gap = oldest.total / size - self.total / self.width;
            self.squares -= oldest.squares + size * self.width * gap * gap / (size + self.width);
        }
        if self.sizes[i].is_empty() {
            self.sizes.pop();
        }
    }

    /// True if the means before and after some border differ by too much.
    fn has_cut(&self, delta: f64) -> bool {
        let (mut n_0, mut n_1, mut u_0, mut u_1) = (0.0, self.width, 0.0, self.total);
        for (i, buckets) in self.sizes.iter().enumerate().rev() {
            for bucket in buckets {
                n_0 += size_of(i);
                n_1 -= size_of(i);
                u_0 += bucket.total;
                u_1 -= bucket.total;
                if n_0 >= LEAST_PART && n_1 >= LEAST_PART && self.differ(n_0, n_1, u_0 / n_0 - u_1 / n_1, delta) {
                    return true;
                }
            }
        }
        false
    }

    fn differ(&self, n_0: f64, n_1: f64, gap: f64, delta: f64) -> bool {
        let log = (2.0 * self.width.ln() / delta).ln();
        let harmonic = 1.0 / (n_0 - LEAST_PART + 1.0) + 1.0 / (n_1 - LEAST_PART + 1.0);
        let bound = (2.0 * harmonic * (self.squares / self.width) * log).sqrt() + 2.0 / 3.0 * log * harmonic;
        gap.abs() > bound
    }
}

/// How many values a bucket of the `i`-th size holds.
fn size_of(i: usize) -> f64 {
    (1_u64 << i) as f64
}
