//! Does a report show what was released, as text and pictures that nobody can turn into anything else?

use std::fs;

use crate::project::{Project, Run};

const SQL: &str = "
CREATE STREAM open (at TIMESTAMP, k VARCHAR, x BIGINT) WITH (path = 'landing/open', format = 'csv', event_time = 'at');
CREATE STREAM people (at TIMESTAMP, u VARCHAR, k VARCHAR, x BIGINT) WITH (path = 'landing/people', format = 'csv',
  event_time = 'at', privacy_unit = 'u', epsilon_budget = 200, delta_budget = 1e-4);
CREATE SIGNAL x WITH (version = '1.2.0', owner = 'me & <you>', description = 'How many, hour by hour?') AS
SELECT window_start, window_end, k, COUNT(*) AS n, AVG(x) AS mean
FROM TUMBLE(open, at, INTERVAL '1 hour') GROUP BY window_start, window_end, k;
CREATE SIGNAL few AS SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 2, privacy_unit_column = u)
window_start, window_end, k AS cohort, COUNT(*) AS n
FROM TUMBLE(people, at, INTERVAL '1 hour') GROUP BY window_start, window_end, k;
CREATE SIGNAL noised AS
SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 10, delta = 1e-6, max_groups_contributed = 4)
window_start, window_end, k, COUNT(*, contribution_bounds_per_group => (0, 2)) AS n
FROM TUMBLE(people, at, INTERVAL '6 hours') GROUP BY window_start, window_end, k;
CREATE SIGNAL verdicts AS SELECT window_start, k, CASE WHEN n > 3 THEN 'drift' ELSE 'stable' END AS verdict
FROM released.x;
CREATE SIGNAL rates AS SELECT window_start, k, named_struct('low', mean - 1, 'rate', mean, 'high', mean + 1) AS rate,
  named_struct('psi', n / 10.0, 'threshold', 0.2, 'verdict', CASE WHEN n > 3 THEN 'drift' ELSE 'insufficient' END) AS drift
FROM released.x;
CREATE SIGNAL totals AS SELECT k, COUNT(*) AS n FROM open GROUP BY k;
CREATE SIGNAL never AS SELECT window_start, window_end, COUNT(*) AS n
FROM TUMBLE(open, at, INTERVAL '1 hour') WHERE x < 0 GROUP BY window_start, window_end;
";

/// A key that would be a script, were it not text.
const KEY: &str = "<script>alert(1)</script>";

/// Six hours: of the open stream with the key above from the second hour on, of people with one who is alone at times.
fn project() -> Project {
    let project = Project::with_sql(SQL);
    let (mut open, mut people) = ("at,k,x\n".to_owned(), "at,u,k,x\n".to_owned());
    for hour in 0..6 {
        for row in 0..=hour {
            open += &format!("2026-01-05T{hour:02}:{row:02}:00Z,calm,{row}\n");
            open +=
                if hour == 0 { "" } else { "2026-01-05T0H:30:00Z,KEY,2\n" }.replace('H', &hour.to_string()).as_str();
        }
        for person in 0..60 {
            people += &format!("2026-01-05T{hour:02}:00:00Z,u{person},k{},1\n", person % 2);
        }
        let lonely = if hour % 2 == 0 { "u1" } else { "u2" };
        people += &format!("2026-01-05T{hour:02}:10:00Z,u1,rare,1\n2026-01-05T{hour:02}:10:00Z,{lonely},rare,1\n");
    }
    project.write("landing/open/a.csv", open.replace("KEY", KEY));
    project.write("landing/people/a.csv", people);
    project.run(&["run", "--until-end"]).ok();
    project
}

fn drawn(project: &Project, arguments: &[&str]) -> String {
    project.run(&[&["report", "--html", "-"], arguments].concat()).ok().stdout
}

/// What the page says of one signal.
fn section<'a>(page: &'a str, signal: &str) -> &'a str {
    let from = page.find(&format!("<section id=\"{signal}\"")).unwrap();
    &page[from..from + page[from..].find("</section>").unwrap()]
}

/// Every element that is opened is closed in its order, every attribute is quoted, and text has no stray sign.
fn check_well_formed(page: &str) {
    let (head, rest) = page.split_once("<style>").unwrap();
    let (_, body) = rest.split_once("</style>").unwrap();
    let text = format!("{}<style></style>{body}", head.strip_prefix("<!DOCTYPE html>").unwrap());
    let mut open = Vec::new();
    for piece in text.split('<').skip(1) {
        let (tag, after) = piece.split_once('>').unwrap_or_else(|| panic!("`{piece}` is not closed"));
        assert!(!after.contains('>'), "a stray sign in `{after}`");
        for reference in after.split('&').skip(1).chain(tag.split('&').skip(1)) {
            assert!(reference.split(';').next().is_some_and(|name| name.len() <= 5), "`{reference}` is no reference");
        }
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "closed at `{after}`");
            continue;
        }
        let name = tag.split([' ', '/']).next().unwrap();
        let attributes = tag[name.len()..].trim_end_matches('/');
        for (index, part) in attributes.split('"').enumerate() {
            let is_name = part.is_empty() || part.starts_with(' ') && (part.ends_with('=') || part.trim().is_empty());
            assert!(index % 2 == 1 || is_name, "`{part}` in `{tag}`");
        }
        if !tag.ends_with('/') {
            open.push(name);
        }
    }
    assert_eq!(open, Vec::<&str>::new());
}

#[test]
fn a_page_shows_every_signal_and_needs_nothing_else() {
    let project = project();
    let page = drawn(&project, &[]);
    check_well_formed(&page);
    assert!(page.contains("default-src 'none'; style-src 'unsafe-inline'"));
    for foreign in ["http:", "https:", "//", "src=", "@import", "url(h", "<script", "<link", "javascript:", "onload"] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;") && page.contains("owner me &amp; &lt;you&gt;"));
    assert!(page.contains("newest window ends <b>2026-01-05 06:00 UTC</b>") && page.contains("7 signals"));
    assert_eq!(page, drawn(&project, &[]), "one state, one page");
}

#[test]
fn a_section_says_under_which_condition_its_rows_are_shown() {
    let page = drawn(&project(), &[]);
    let of = |signal, said: &[&str]| {
        let section = section(&page, signal);
        said.iter().for_each(|said| assert!(section.contains(said), "{signal}: {said}\n{section}"));
    };
    of("x", &["version 1.2.0", "How many, hour by hour?", "<b>Open.</b>", "n of x", "mean of x", "6 windows"]);
    of("few", &["<b>Cohort threshold 2.</b>", "cell withheld", "withheld or absent"]);
    of("noised", &["epsilon 10.", "for each u and day", "band c0", "standard deviations of the noise"]);
    of("verdicts", &["<b>Derived.</b>", "Drift: verdict", "cell drift", "cell stable", "cell missing"]);
    of("rates", &["band: low to high", "Drift: drift", "cell insufficient", "drift, psi 0.6, threshold 0.2"]);
    of("totals", &["<details open", "<td>calm</td>", "Table: 2 rows"]);
    of("never", &["Nothing is released yet."]);
    assert!(!section(&page, "x").contains("withheld"), "nothing is withheld of who is not protected");
}

#[test]
fn a_report_takes_the_place_of_the_one_before() {
    let project = project();
    let page = drawn(&project, &["--signal", "few", "--signal", "x"]);
    assert!(
        page.contains("2 signals") && page.find("id=\"x\"") < page.find("id=\"few\""),
        "in the order of definitions"
    );
    project.write("report.html", "before");
    let run = project.run(&["report", "--html", "report.html", "--signal", "x"]).ok();
    assert!(run.stdout.is_empty() && run.stderr.contains("1 signal drawn"), "{}", run.stderr);
    assert_eq!(fs::read_to_string(project.path("report.html")).unwrap(), drawn(&project, &["--signal", "x"]));
    let left = project.files(".").into_keys().filter(|path| path.ends_with(".tmp")).collect::<Vec<_>>();
    assert_eq!(left, Vec::<String>::new());
    // What landed may be gone: the page is drawn from what was released.
    fs::remove_dir_all(project.path("landing")).unwrap();
    assert_eq!(drawn(&project, &["--signal", "few", "--signal", "x"]), page);
}

#[test]
fn what_is_wrong_is_said() {
    let project = project();
    let fails = |arguments: &[&str], code: i32, said: &[&str]| {
        let run: Run = project.run(&[&["report"], arguments].concat());
        assert_eq!(run.code, code, "{}", run.stderr);
        said.iter().for_each(|said| assert!(run.stderr.contains(said), "{said}: {}", run.stderr));
    };
    fails(&["--html", "-", "--signal", "noisd"], 2, &["TG302", "did you mean `noised`?"]);
    fails(&["--html", "nowhere/report.html"], 3, &["TG500"]);
    fails(&["--html", "landing"], 3, &["TG500"]);
    fails(&[], 2, &["--html"]);
}

#[test]
fn only_the_newest_windows_and_the_fullest_groups_are_drawn() {
    let project = Project::with_sql(
        "CREATE STREAM d (at TIMESTAMP, k VARCHAR) WITH (path = 'landing', format = 'csv', event_time = 'at');
        CREATE SIGNAL s AS SELECT window_start, window_end, k, COUNT(*) AS n FROM TUMBLE(d, at, INTERVAL '1 minute')
        GROUP BY window_start, window_end, k;
        CREATE SIGNAL c AS SELECT window_start, window_end, COUNT(*) AS n
        FROM CUMULATE(d, at, INTERVAL '1 minute', INTERVAL '1 day') GROUP BY window_start, window_end;",
    );
    let minute = |minute: u32| format!("2026-01-05T{:02}:{:02}:00Z", minute / 60, minute % 60);
    let rows = (0..250).flat_map(|at| (0..10).map(move |group| (at, group)));
    // The first two groups end early, so others are fuller.
    let rows = rows.filter(|(at, group)| *group > 1 || *at < 240);
    let rows = rows.map(|(at, group)| format!("{},g{group}\n", minute(at))).collect::<String>();
    project.write("landing/a.csv", format!("at,k\n{rows}"));
    project.run(&["run", "--until-end"]).ok();
    let page = drawn(&project, &[]);
    check_well_formed(&page);
    let s = section(&page, "s");
    assert!(
        s.contains("The newest 200 windows, 2026-01-05 00:50 to 2026-01-05 04:10 UTC. 250 windows have released rows."),
        "{s}"
    );
    assert!(s.contains("Of 10 groups the 8 with most windows are drawn; the other 2 are in the released files."));
    assert!(s.contains("g2: 1") && !s.contains("g1: 1") && !s.contains("2026-01-05 00:49"));
    let c = section(&page, "c");
    assert!(c.contains("by their ends") && c.contains("The newest 200 windows"), "{c}");
}

/// A group that has no session has no window either, so that nothing is hatched; one window fills its axis.
#[test]
fn windows_of_every_kind_have_their_place() {
    let project = Project::with_sql(
        "CREATE STREAM d (at TIMESTAMP, u VARCHAR, g VARCHAR) WITH (path = 'landing', format = 'csv', event_time = 'at',
          privacy_unit = 'u');
        CREATE SIGNAL visits AS SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 2, privacy_unit_column = u)
        window_start, window_end, g, COUNT(*) AS n FROM SESSION(d, at, INTERVAL '10 minutes')
        GROUP BY window_start, window_end, g;
        CREATE SIGNAL daily AS SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 2, privacy_unit_column = u)
        window_start, window_end, g, COUNT(*) AS n FROM TUMBLE(d, at, INTERVAL '1 day')
        GROUP BY window_start, window_end, g;",
    );
    let visits = [("a", 0, 50), ("a", 120, 121), ("b", 7, 30), ("b", 200, 202)];
    let rows = visits.into_iter().flat_map(|(group, from, to)| (from..to).map(move |minute| (group, minute)));
    let row = |(group, minute): (&str, u32)| {
        let at = format!("2026-01-05T{:02}:{:02}:00Z", minute / 60, minute % 60);
        format!("{at},u,{group}\n{at},v,{group}\n")
    };
    project.write("landing/a.csv", format!("at,u,g\n{}", rows.map(row).collect::<String>()));
    project.run(&["run", "--until-end"]).ok();
    let page = drawn(&project, &[]);
    check_well_formed(&page);
    let visits = section(&page, "visits");
    assert!(visits.contains("Each group has windows of its own") && !visits.contains("withheld\""), "{visits}");
    let daily = section(&page, "daily");
    assert!(
        daily.contains("1 window, 2026-01-05 00:00 to 2026-01-06 00:00 UTC.") && daily.contains(">12:00<"),
        "{daily}"
    );
    assert!(daily.contains("Every window drawn shows every group drawn."));
}

#[test]
fn a_point_that_may_still_change_is_hollow() {
    let project = Project::with_sql(
        "CREATE STREAM d (at TIMESTAMP) WITH (path = 'landing', format = 'csv', event_time = 'at');
        CREATE SIGNAL s WITH (lateness = INTERVAL '2 hours') AS SELECT window_start, window_end, COUNT(*) AS n
        FROM TUMBLE(d, at, INTERVAL '1 hour') GROUP BY window_start, window_end;",
    );
    let rows = (0..6).map(|hour| format!("2026-01-05T0{hour}:10:00Z\n")).collect::<String>();
    project.write("landing/a.csv", format!("at\n{rows}"));
    project.run(&["run"]).ok();
    let page = drawn(&project, &[]);
    assert!(page.contains("Hollow points may still change.") && page.contains("n: 1, not final<"), "{page}");
    assert_eq!((page.matches("\"dot c0\"").count(), page.matches("\"dot open c0\"").count()), (3, 2));
}
