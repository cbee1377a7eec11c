//! The series of the single addresses of a target that probes every address of its name.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;

use tokio::time::Instant;

use crate::metrics::series::Series;

/// How many addresses a target has at most: what a name server answers must not make series without
/// bound.
pub const MAX_ADDRESSES: usize = 8;

/// For how long an address that a name has no more keeps its series, if that is longer than ten
/// intervals: some name servers answer with other addresses every time.
const KEPT: Duration = Duration::from_mins(10);

/// The addresses of one target.
#[derive(Debug)]
pub(crate) struct Addresses(Mutex<State>);

#[derive(Debug)]
struct State {
    /// What series of a new address are made of, as it was configured last: a probe that began
    /// before a reload may find one after it.
    template: Series,
    /// In the order in which they were first seen.
    known: Vec<Known>,
}

#[derive(Debug)]
struct Known {
    ip: IpAddr,
    series: Arc<Series>,
    seen: Instant,
}

impl Addresses {
    /// None yet; the series of those to come are made like `template`.
    pub(crate) fn new(template: Series) -> Self {
        Self(Mutex::new(State {
            template,
            known: Vec::new(),
        }))
    }

    /// The series of all addresses.
    pub(crate) fn series(&self) -> Vec<Arc<Series>> {
        self.lock()
            .known
            .iter()
            .map(|known| known.series.clone())
            .collect()
    }

    /// Takes in what the name has `now` and returns what of it is to be probed, with its series.
    /// Those that are known come first, then new ones while there is room. Nobody makes room for
    /// them before it was missing for long, or a name server that answers with others every time
    /// would make series without bound.
    pub(crate) fn take_in(&self, ips: &[IpAddr], now: Instant) -> Vec<(IpAddr, Arc<Series>)> {
        let State { template, known } = &mut *self.lock();
        for known in known.iter_mut().filter(|known| ips.contains(&known.ip)) {
            known.seen = now;
        }
        let kept = KEPT.max(10 * template.target.interval);
        known.retain(|known| now.saturating_duration_since(known.seen) <= kept);
        for &ip in ips {
            if known.len() < MAX_ADDRESSES && known.iter().all(|known| known.ip != ip) {
                known.push(Known {
                    ip,
                    series: Arc::new(template.of_address(ip)),
                    seen: now,
                });
            }
        }
        let there = known.iter().filter(|known| known.seen == now);
        there
            .map(|known| (known.ip, known.series.clone()))
            .collect()
    }

    /// Renews the series of every address, and of those to come.
    pub(crate) fn renew(&self, renewed: impl Fn(&Series) -> Series) {
        let State { template, known } = &mut *self.lock();
        *template = renewed(template);
        for known in known {
            known.series = Arc::new(renewed(&known.series));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change is whole before anything can panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::bounds::Bounds;
    use crate::target::Target;
    use crate::target::address::TargetUrl;
    use crate::target::labels::Labels;
    use crate::target::module::IpStrategy;
    use crate::target::module::Module;

    fn series() -> Series {
        let target = Target {
            name: "t".to_owned(),
            url: TargetUrl::parse("http://a.test/").expect("valid"),
            module: Arc::new(Module {
                ip_strategy: IpStrategy::All,
                ..Module::http_2xx()
            }),
            interval: Duration::from_secs(15),
            timeout: Duration::from_secs(10),
            labels: Labels::default(),
        };
        let bounds = Arc::new(Bounds::new(&[1.0]).expect("valid"));
        Series::new(&Arc::new(target), &bounds)
    }

    fn ips(last: std::ops::Range<u8>) -> Vec<IpAddr> {
        last.map(|last| [127, 0, 0, last].into()).collect()
    }

    #[test]
    fn addresses_come_and_go_within_the_bound() {
        let addresses = Addresses::new(series());
        let start = Instant::now();
        let at = |minutes| start + Duration::from_mins(minutes);
        let taken = |minutes, last: std::ops::Range<u8>| -> Vec<IpAddr> {
            let taken = addresses.take_in(&ips(last), at(minutes));
            taken.into_iter().map(|(ip, _)| ip).collect()
        };
        assert_eq!(taken(0, 1..4), ips(1..4));
        let first = addresses.series();
        // One that is missing stays, and is not probed.
        assert_eq!(taken(1, 1..3), ips(1..3));
        assert_eq!(addresses.series().len(), 3);
        // Nobody who is there makes room for others.
        assert_eq!(taken(2, 1..20), ips(1..9));
        assert_eq!(taken(3, 1..20), ips(1..9));
        assert!(Arc::ptr_eq(&first[0], &addresses.series()[0]));
        // Nor one that was there a moment ago.
        assert_eq!(taken(4, 2..9), ips(2..9));
        assert_eq!(taken(5, 2..10), ips(2..9));
        // In the end what is missing goes.
        assert_eq!(taken(13, 2..9), ips(2..9));
        assert_eq!(addresses.series().len(), 8);
        assert_eq!(taken(14, 2..10), ips(2..10));
        assert_eq!(taken(25, 2..3), ips(2..3));
        assert_eq!(addresses.series().len(), 1);
    }
}
