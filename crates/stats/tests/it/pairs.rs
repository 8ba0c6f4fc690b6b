//! What do the tests of this room say about pairs of agents that were really measured?
//!
//! Counts alone, with null for an outcome that nobody knows: the resolved tasks of the OpenHands Index (MIT, revision
//! 3015ac61), the simulations of tau2-bench by its authors (MIT, revision a2c02472), and the clicks of the men's campaign
//! of the Open Bandit Dataset (Apache-2.0, revision 8cbd5fa4). Higher is better in each.

use tidegate_stats::{
    ConfidenceSequence, Direction, Estimate, Interval, Margin, NoisyRow, Proportion, Proportions, Sides,
    non_inferiority, normal, planned_information,
};

const ALPHA: f64 = 0.05;

fn rate((num, den): (u64, u64)) -> Proportion {
    Proportion::new(num, den).unwrap()
}

/// One-sided p-values of a single look: of no more than the margin worse, and of better at all.
fn single_look(control: (u64, u64), treatment: (u64, u64), margin: f64) -> [f64; 2] {
    let arms = Proportions { treatment: rate(treatment), control: rate(control) };
    let answer = non_inferiority(arms, Direction::HigherIsBetter, Margin::Absolute(margin)).unwrap();
    [answer.p_value, normal::survival(difference(control, treatment).z(0.0).unwrap())]
}

/// The one-sided bounds that hold at any look, of a plan that finds `gap` with 80 % power.
fn any_look(difference: Estimate, gap: f64) -> Interval {
    let planned = planned_information(gap, ALPHA, 0.8).unwrap();
    ConfidenceSequence::new(Sides::One, ALPHA, planned).unwrap().interval(difference).unwrap()
}

fn difference(control: (u64, u64), treatment: (u64, u64)) -> Estimate {
    let [t, c] = [treatment, control].map(|arm| Estimate::of_proportion(rate(arm)));
    t.minus(c).unwrap()
}

/// tau2-bench, a fine-tuned model beside its base: 34 of 40 tasks each in retail, 13 after 10 of 20 in airline.
///
/// More successes are no evidence while tasks are so few: neither is shown to be at most five points worse.
#[test]
fn twenty_tasks_promote_nobody() {
    for (control, treatment) in [((34, 40), (34, 40)), ((10, 20), (13, 20))] {
        let [not_worse, better] = single_look(control, treatment, 0.05);
        assert!(not_worse > ALPHA && better > ALPHA, "{not_worse} {better}");
        assert!(any_look(difference(control, treatment), 0.05).low < -0.05);
    }
    // So few that a gate over released rows does not even estimate.
    let row = NoisyRow { num: 13.0, den: 20.0, num_noise_stddev: 0.0, den_noise_stddev: 0.0 };
    assert!(Estimate::of_noisy([row]).is_err());
}

/// OpenHands on SWE-bench, Nemotron-3-Nano and then claude-sonnet-4-5: 171 of 497 known outcomes and 371 of 500.
#[test]
fn a_great_leap_passes_whatever_the_unknown_outcomes_are() {
    // Left out, all failures, all successes.
    for control in [(171, 497), (171, 500), (174, 500)] {
        let [_, better] = single_look(control, (371, 500), 0.05);
        assert!(better < 1e-30, "{better}");
        assert!(any_look(difference(control, (371, 500)), 0.05).low > 0.25);
    }
}

/// OpenHands on SWE-bench, claude-opus and claude-sonnet 4-5 and then 4-6: one more task of 500 each.
///
/// No better, and any number of looks does not exclude that they are five points worse. One look that was planned does,
/// barely: five points are 1.9 standard errors.
#[test]
fn one_more_task_of_five_hundred_holds() {
    for (control, treatment) in [((383, 500), (384, 500)), ((371, 500), (372, 500))] {
        let [not_worse, better] = single_look(control, treatment, 0.05);
        assert!(better > 0.4 && (0.02..ALPHA).contains(&not_worse), "{better} {not_worse}");
        let interval = any_look(difference(control, treatment), 0.05);
        assert!(interval.low < -0.05 && interval.high > 0.05, "{interval:?}");
        // At two points, which is what such scores are compared by, not even one look does.
        assert!(single_look(control, treatment, 0.02)[0] > ALPHA);
    }
}

/// Open Bandit, uniformly random and then Bernoulli Thompson sampling: clicks and impressions of each day of a week.
const DAYS: [[(u64, u64); 2]; 7] = [
    [(10, 1687), (15, 1837)],
    [(3, 1286), (14, 1236)],
    [(6, 1288), (9, 1307)],
    [(4, 1392), (8, 1493)],
    [(5, 1536), (9, 1423)],
    [(7, 1379), (4, 1362)],
    [(11, 1432), (10, 1342)],
];

/// 46 and 69 clicks in 10,000 impressions each: better by 2.15 standard errors at the end of the week, which one look
/// would take for a proof, and no proof to who looks every day. Until the sixth day there are not even thirty clicks in
/// each arm; then it is proved to be at most two clicks in a thousand worse.
#[test]
fn a_week_of_clicks_is_not_enough_for_who_looks_every_day() {
    let mut arms = [NoisyRow { num: 0.0, den: 0.0, num_noise_stddev: 0.0, den_noise_stddev: 0.0 }; 2];
    let looks = DAYS.map(|day| {
        for (arm, (num, den)) in arms.iter_mut().zip(day) {
            arm.num += num as f64;
            arm.den += den as f64;
        }
        let [control, treatment] = arms.map(|arm| Estimate::of_noisy([arm]).ok());
        Some(any_look(treatment?.minus(control?).ok()?, 0.002))
    });
    assert_eq!(arms.map(|arm| (arm.num, arm.den)), [(46.0, 10_000.0), (69.0, 10_000.0)]);
    let [_, once] = single_look((46, 10_000), (69, 10_000), 0.001);
    assert!((0.01..0.02).contains(&once), "{once}");
    assert!(looks.iter().flatten().all(|bounds| bounds.low < 0.0 && bounds.high > 0.0), "neither better nor worse");
    assert!(looks[..5].iter().all(Option::is_none), "too few clicks");
    assert!(looks[5..].iter().all(|bounds| bounds.is_some_and(|bounds| bounds.low > -0.002)), "{looks:?}");
}
