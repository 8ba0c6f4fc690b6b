//! Who decides: which tenants and users are there, and which side of the experiment is each on?
//!
//! Tenants are of Zipf-like size, and the first users of a tenant busier than its last. A user's arm is
//! a keyed hash of the user's token, so it never changes.

use tidegate_contract::Arm;

use super::catalog::{EXPERIMENT_ID, FLAG_SETS, REGIONS, USER_ROLES};
use super::config::Config;
use crate::random::{Choice, Random, Stream, mix};

/// Every tenant and user.
#[derive(Debug)]
pub(super) struct Population {
    tenants: Vec<Tenant>,
    users: Vec<User>,
    by_size: Choice,
}

/// One tenant.
#[derive(Debug)]
pub(super) struct Tenant {
    /// `tenant_id`.
    pub(super) token: String,
    /// The index of the region most of its decisions are made in.
    pub(super) region: u8,
    first_user: u32,
    users: u32,
}

/// One user.
#[derive(Debug)]
pub(super) struct User {
    /// `user_token`, as bits of its hex.
    pub(super) token: [u64; 2],
    /// The index of the role.
    pub(super) role: u8,
    /// The index of the set of feature flags.
    pub(super) flags: u8,
    /// The side of the experiment.
    pub(super) arm: Arm,
}

impl Population {
    /// The tenants and users of `config`.
    pub(super) fn new(config: &Config) -> Self {
        let weights: Vec<f64> = (1..=config.tenants).map(|rank| 1.0 / f64::from(rank)).collect();
        Self { tenants: tenants(config, &weights), users: users(config), by_size: Choice::new(&weights) }
    }

    /// The tenants, the largest first.
    pub(super) fn tenants(&self) -> &[Tenant] {
        &self.tenants
    }

    /// Draws who decides: a tenant by size, a user of it by business.
    pub(super) fn draw(&self, random: &mut Random) -> (usize, &User) {
        let index = self.by_size.pick(random.bits());
        let tenant = &self.tenants[index];
        let busy = random.unit();
        let rank = (f64::from(tenant.users) * busy * busy) as usize;
        (index, &self.users[tenant.first_user as usize + rank])
    }
}

/// One user each, and the rest by weight.
fn tenants(config: &Config, weights: &[f64]) -> Vec<Tenant> {
    let stream = Stream::new(config.seed, "tenants");
    let total: f64 = weights.iter().sum();
    let spare = f64::from(config.users - config.tenants);
    let width = config.tenants.to_string().len().max(3);
    let (mut first_user, mut below) = (0, 0.0);
    let tenants = (1..).zip(weights).map(|(number, weight)| {
        below += weight / total;
        let end =
            if number == config.tenants { config.users } else { (number + (spare * below) as u32).min(config.users) };
        let users = end - first_user;
        first_user = end;
        Tenant {
            token: format!("tenant-{number:0width$}"),
            region: stream.at(number.into()).below(REGIONS.len() as u64) as u8,
            first_user: end - users,
            users,
        }
    });
    tenants.collect()
}

fn users(config: &Config) -> Vec<User> {
    let stream = Stream::new(config.seed, "users");
    let roles = Choice::new(&USER_ROLES.map(|(_, weight)| weight));
    let users = (0..u64::from(config.users)).map(|number| {
        let mut random = stream.at(number);
        let token = random.id();
        User {
            token,
            role: roles.scan(random.bits()) as u8,
            flags: random.below(FLAG_SETS.len() as u64) as u8,
            arm: assign(token, config),
        }
    });
    users.collect()
}

/// The keyed hash that assigns a user: the key is the experiment's, so another experiment cuts anew.
fn assign(token: [u64; 2], config: &Config) -> Arm {
    let mut random = Stream::new(mix(token[0]) ^ token[1], EXPERIMENT_ID).at(0);
    if random.chance(config.holdout_share) {
        Arm::Holdout
    } else if random.chance(config.treatment_share) {
        Arm::Treatment
    } else {
        Arm::Control
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(config: &Config) {
        let population = Population::new(config);
        let mut next = 0;
        for tenant in &population.tenants {
            assert!(tenant.users >= 1 && tenant.first_user == next, "{tenant:?}");
            next += tenant.users;
        }
        assert_eq!(next, config.users);
        assert_eq!(population.users.len(), config.users as usize);
    }

    #[test]
    fn every_user_belongs_to_one_tenant_and_every_tenant_has_one() {
        check(&Config::default());
        check(&Config { tenants: 1, users: 1, ..Config::default() });
        check(&Config { tenants: 300, users: 300, ..Config::default() });
        check(&Config { tenants: 300, users: 301, ..Config::default() });
    }

    #[test]
    fn arms_are_of_the_sizes_asked_for() {
        let population = Population::new(&Config { holdout_share: 0.1, ..Config::default() });
        let share = |arm| {
            let users = population.users.iter().filter(|user| user.arm == arm).count();
            users as f64 / population.users.len() as f64
        };
        assert!((share(Arm::Holdout) - 0.1).abs() < 0.01);
        assert!((share(Arm::Treatment) - 0.45).abs() < 0.015);
    }

    #[test]
    fn the_largest_tenant_and_its_first_user_are_the_busiest() {
        let population = Population::new(&Config { tenants: 10, users: 1_000, ..Config::default() });
        let stream = Stream::new(1, "test");
        let (mut tenants, mut first_user) = ([0; 10], 0);
        for row in 0..20_000 {
            let (tenant, user) = population.draw(&mut stream.at(row));
            tenants[tenant] += 1;
            first_user += usize::from(user.token == population.users[0].token);
        }
        assert!(tenants[0] > 8 * tenants[9], "{tenants:?}");
        assert!(first_user > 100, "{first_user} of {} rows", tenants[0]);
    }
}
