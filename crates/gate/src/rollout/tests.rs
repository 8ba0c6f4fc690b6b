use super::*;
use crate::file::tests::GATE;

const DAY: i64 = Span::DAY.0;
const BASE: &str = "sha256:base";
const NEXT: &str = "sha256:next";

fn gate(from: Stage) -> GateFile {
    let stage = match from {
        Stage::Canary => "stage: { from: canary, to: general, ramp: [5%, 50%], hold_back: 2% }".to_owned(),
        from => format!("stage: {{ from: {from}, to: {} }}", from.next().unwrap()),
    };
    let text = GATE.replace("stage: { from: canary, to: general, ramp: [5%, 50%] }", &stage);
    let text = text.replace("max: 14d }", "max: 14d, freeze: [{ from: 1970-03-01, to: 1970-03-02, reason: feast }] }");
    GateFile::parse("a", &format!("{text}approvals: {{ required: 1, roles: [release], drill: 30d }}\n")).unwrap()
}

fn registration(bundle: &str, baseline: bool) -> Registration {
    let gates = [Stage::Local, Stage::Shadow, Stage::Canary].map(|stage| (stage, gate(stage).digest()));
    Registration {
        name: "assistant".into(),
        bundle: bundle.into(),
        label: bundle.replace("sha256:", ""),
        missing_parts: Vec::new(),
        gates: if baseline { BTreeMap::new() } else { gates.into() },
        signals: BTreeMap::new(),
        baseline,
        author: "ada".into(),
        bundle_author: "mia".into(),
        at_us: 0,
    }
}

/// A rollout whose baseline runs and whose next version is registered.
fn started() -> Rollout {
    let mut rollout = Rollout::default();
    for stage in [Stage::Local, Stage::Shadow, Stage::Canary] {
        rollout.gates.insert(gate(stage).digest(), gate(stage));
    }
    rollout.registrations.insert("r0".into(), registration(BASE, true));
    rollout.registrations.insert("r1".into(), registration(NEXT, false));
    let adopted = advance(&rollout, "r0", "ada", 0, None).unwrap();
    rollout.pointers.push(adopted);
    rollout
}

fn judge(rollout: &mut Rollout, id: &str, status: Status) {
    let position = rollout.position(id).unwrap();
    let judged = Judgement {
        registration: id.into(),
        gate: rollout.gate(id).unwrap().digest(),
        verdict: format!("sha256:verdict-{}", rollout.judgements.len()),
        step: position.since_generation.unwrap(),
        status,
        as_of_us: 0,
        by: "bob".into(),
    };
    rollout.judgements.push(judged);
}

fn approve(rollout: &mut Rollout, id: &str, by: &str, role: &str, at_us: i64) {
    let judged = rollout.judgement(id).unwrap();
    let approval = Approval {
        registration: id.into(),
        bundle: rollout.registrations[id].bundle.clone(),
        gate: judged.gate.clone(),
        verdict: judged.verdict.clone(),
        by: by.into(),
        roles: vec![role.into()],
        at_us,
    };
    rollout.approvals.push(approval);
}

fn drill(rollout: &mut Rollout, at_us: i64) {
    let drill =
        Drill { name: "assistant".into(), bundle: BASE.into(), restored: true, took_us: 5, by: "ada".into(), at_us };
    rollout.drills.push(drill);
}

fn go(rollout: &mut Rollout, at_us: i64) -> Pointer {
    let next = advance(rollout, "r1", "bob", at_us, None).unwrap();
    rollout.pointers.push(next.clone());
    next
}

/// With everything that is asked for.
fn pass(rollout: &mut Rollout, at_us: i64) -> Pointer {
    judge(rollout, "r1", Status::Pass);
    approve(rollout, "r1", "eve", "release", at_us);
    drill(rollout, at_us);
    go(rollout, at_us)
}

#[test]
fn a_version_goes_all_the_way_step_by_step() {
    let mut rollout = started();
    assert_eq!(rollout.now().unwrap().general, BASE);
    assert_eq!(go(&mut rollout, 1).local.as_deref(), Some(NEXT));
    let shadow = pass(&mut rollout, 2);
    assert_eq!((shadow.local, shadow.shadow.as_deref(), shadow.to), (None, Some(NEXT), Stage::Shadow));
    let canary = pass(&mut rollout, 3);
    assert_eq!((canary.canary.as_ref().unwrap().share, canary.held_back.unwrap().bundle.as_str()), (0.05, BASE));
    let more = pass(&mut rollout, 4);
    assert_eq!((more.canary.unwrap().share, more.to, more.general.as_str()), (0.5, Stage::Canary, BASE));
    let general = pass(&mut rollout, 5);
    assert_eq!((general.general.as_str(), general.last_known_good.as_str(), general.canary), (NEXT, BASE, None));
    assert_eq!((general.approved_by, general.verdict.is_some()), (vec!["eve".to_owned()], true));
    assert_eq!(rollout.position("r1").unwrap().stage, Stage::General);
    assert_eq!(advance(&rollout, "r1", "bob", 6, None), Err(Refusal::Arrived));
    let generations = rollout.pointers.iter().map(|pointer| pointer.generation).collect::<Vec<_>>();
    assert_eq!(generations, [0, 1, 2, 3, 4, 5]);
    // The way back from there is the baseline, whole, and only once.
    let back = rollback(&rollout, "ops", 7, "pager", None).unwrap();
    assert_eq!((back.general.as_str(), back.action, back.from), (BASE, Action::RollBack, Stage::General));
    rollout.pointers.push(back);
    assert_eq!(rollback(&rollout, "ops", 8, "again", None), Err(Refusal::NothingToRestore(BASE.into())));
    assert_eq!(advance(&rollout, "r1", "bob", 9, None), Err(Refusal::Ended("rolled back")));
}

#[test]
fn no_step_without_its_evidence() {
    let mut rollout = started();
    go(&mut rollout, 1);
    let ask = |rollout: &Rollout| advance(rollout, "r1", "bob", 2, None).unwrap_err();
    assert_eq!(ask(&rollout), Refusal::NotJudged("assistant-v2".into()));
    for status in [Status::Fail, Status::Continue, Status::Inconclusive, Status::Error] {
        judge(&mut rollout, "r1", status);
        let refusal = ask(&rollout);
        assert_eq!(refusal, Refusal::NotPassed { gate: "assistant-v2".into(), status });
        assert_eq!(refusal.exit_code(), status.exit_code());
    }
    judge(&mut rollout, "r1", Status::Pass);
    assert_eq!(ask(&rollout), Refusal::StaleDrill("30d".into()));
    drill(&mut rollout, 1);
    let refusal = ask(&rollout);
    assert_eq!((refusal.exit_code(), refusal), (6, Refusal::AwaitingApproval { have: 0, need: 1 }));
    // A later verdict takes the place of the one that passed.
    approve(&mut rollout, "r1", "eve", "release", 1);
    judge(&mut rollout, "r1", Status::Continue);
    assert!(matches!(ask(&rollout), Refusal::NotPassed { status: Status::Continue, .. }));
    // What was shown at one step says nothing of the next.
    pass(&mut rollout, 2);
    assert_eq!(ask(&rollout), Refusal::NotJudged("assistant-v2".into()));
}

#[test]
fn approvals_are_of_others_with_the_role_for_this_verdict_and_for_a_time() {
    let mut rollout = started();
    go(&mut rollout, 1);
    judge(&mut rollout, "r1", Status::Pass);
    drill(&mut rollout, 1);
    let have = |rollout: &Rollout, at_us| {
        let judged = rollout.judgement("r1").unwrap();
        rollout.approvals_of(judged, rollout.gate("r1").unwrap(), at_us).len()
    };
    approve(&mut rollout, "r1", "ada", "release", 2);
    approve(&mut rollout, "r1", "mia", "release", 2);
    approve(&mut rollout, "r1", "kim", "support", 2);
    assert_eq!(have(&rollout, 2), 0);
    approve(&mut rollout, "r1", "eve", "release", 2);
    approve(&mut rollout, "r1", "eve", "release", 3);
    assert_eq!(
        (have(&rollout, 1), have(&rollout, 3), have(&rollout, 3 + 7 * DAY), have(&rollout, 4 + 7 * DAY)),
        (0, 1, 1, 0)
    );
    let mut other = rollout.clone();
    judge(&mut other, "r1", Status::Pass);
    assert_eq!(have(&other, 3), 0);
}

/// What is rehearsed is the way back from here: to what everybody has now.
#[test]
fn a_drill_is_of_what_everybody_has() {
    let mut rollout = started();
    drill(&mut rollout, 1);
    assert!(
        rollout.fresh_drill(Span(30 * DAY), 2).is_some() && rollout.fresh_drill(Span(30 * DAY), 40 * DAY).is_none()
    );
    rollout.pointers[0].general = NEXT.into();
    assert!(rollout.fresh_drill(Span(30 * DAY), 2).is_none());
}

#[test]
fn a_freeze_stops_promotion_alone() {
    let mut rollout = started();
    go(&mut rollout, 1);
    judge(&mut rollout, "r1", Status::Pass);
    let at = 59 * DAY;
    approve(&mut rollout, "r1", "eve", "release", at);
    drill(&mut rollout, at);
    let refusal = advance(&rollout, "r1", "bob", at, None).unwrap_err();
    assert_eq!(refusal.to_string(), "nothing is promoted from 1970-03-01 to 1970-03-02 (feast)");
    assert!(rollback(&rollout, "bob", at, "harm", None).is_ok());
    let over = Override { reason: "outage".into() };
    let forced = advance(&rollout, "r1", "bob", at, Some(&over)).unwrap();
    assert_eq!((forced.break_glass.as_deref(), forced.reason.as_str()), (Some("outage"), "break glass: outage"));
}

#[test]
fn a_bundle_without_a_part_goes_nowhere_whatever_is_said() {
    let mut rollout = started();
    rollout.registrations.get_mut("r1").unwrap().missing_parts = vec!["policy rules".into()];
    let over = Override { reason: "now".into() };
    let refusal = advance(&rollout, "r1", "bob", 1, Some(&over)).unwrap_err();
    assert!(refusal.to_string().contains("policy rules"), "{refusal}");
}

#[test]
fn one_version_moves_at_a_time_and_rolling_back_makes_room() {
    let mut rollout = started();
    rollout.registrations.insert("r2".into(), registration("sha256:other", false));
    go(&mut rollout, 1);
    assert!(matches!(advance(&rollout, "r2", "bob", 2, None), Err(Refusal::Occupied { stage: Stage::Local, .. })));
    let held = hold(&rollout, "bob", 2, "nothing was shown", None).unwrap();
    rollout.pointers.push(held);
    assert_eq!(advance(&rollout, "r1", "bob", 3, None), Err(Refusal::Ended("held")));
    assert!(matches!(advance(&rollout, "r2", "bob", 3, None), Err(Refusal::Occupied { .. })));
    let back = rollback(&rollout, "bob", 3, "make room", None).unwrap();
    assert_eq!((back.registration.as_str(), back.general.as_str(), back.local.as_ref()), ("r1", BASE, None));
    rollout.pointers.push(back);
    assert_eq!(advance(&rollout, "r2", "bob", 4, None).unwrap().local.as_deref(), Some("sha256:other"));
}

#[test]
fn a_baseline_is_taken_over_only_where_nothing_runs() {
    let empty = Rollout { registrations: [("r1".to_owned(), registration(NEXT, false))].into(), ..Rollout::default() };
    assert_eq!(advance(&empty, "r1", "bob", 0, None), Err(Refusal::NoBaseline));
    assert_eq!(rollback(&empty, "bob", 0, "", None), Err(Refusal::NoBaseline));
    let mut rollout = started();
    rollout.registrations.insert("r2".into(), registration("sha256:other", true));
    assert_eq!(advance(&rollout, "r2", "bob", 1, None), Err(Refusal::BaselineRuns(0)));
    assert!(matches!(advance(&rollout, "r1", "bob", -1, None), Err(Refusal::ClockJump { generation: 0, .. })));
    assert_eq!(advance(&rollout, "nothing", "bob", 1, None), Err(Refusal::Unknown("nothing".into())));
}
