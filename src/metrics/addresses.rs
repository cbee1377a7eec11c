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

/// The addresses of one target, in the order in which they were first seen.
#[derive(Debug, Default)]
pub(crate) struct Addresses(Mutex<Vec<Known>>);

#[derive(Debug)]
struct Known {
    ip: IpAddr,
    series: Arc<Series>,
    seen: Instant,
}

impl Addresses {
    /// The series of all addresses.
    pub(crate) fn series(&self) -> Vec<Arc<Series>> {
        self.lock()
            .iter()
            .map(|known| known.series.clone())
            .collect()
    }

    /// The series of one address.
    pub(crate) fn of(&self, ip: IpAddr) -> Option<Arc<Series>> {
        let known = self.lock();
        let of_ip = known.iter().find(|known| known.ip == ip)?;
        Some(of_ip.series.clone())
    }

    /// Takes in what the name has `now` and returns what of it is to be probed. Those that are known come first, then new ones while there is room, for which the one that
    /// was missing for longest goes.
    pub(crate) fn take_in(&self, ips: &[IpAddr], now: Instant, of_target: &Series) -> Vec<IpAddr> {
        let mut known = self.lock();
        for known in known.iter_mut().filter(|known| ips.contains(&known.ip)) {
            known.seen = now;
        }
        let kept = KEPT.max(10 * of_target.target.interval);
        known.retain(|known| now.saturating_duration_since(known.seen) <= kept);
        for &ip in ips {
            if known.iter().any(|known| known.ip == ip) {
                continue;
            }
            if known.len() == MAX_ADDRESSES {
                let missing = known
                    .iter()
                    .enumerate()
                    .filter(|(_, known)| known.seen < now);
                let Some((place, _)) = missing.min_by_key(|(_, known)| known.seen) else {
                    break;
                };
                known.remove(place);
            }
            known.push(Known {
                ip,
                series: Arc::new(of_target.of_address(ip)),
                seen: now,
            });
        }
        known
            .iter()
            .filter(|known| known.seen == now)
            .map(|known| known.ip)
            .collect()
    }

    /// Renews the series of every address.
    pub(crate) fn renew(&self, renewed: impl Fn(&Series) -> Series) {
        for known in self.lock().iter_mut() {
            known.series = Arc::new(renewed(&known.series));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Known>> {
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
        let series = series();
        let addresses = Addresses::default();
        let start = Instant::now();
        let at = |minutes| start + Duration::from_mins(minutes);
        let taken = |minutes, last: std::ops::Range<u8>| -> Vec<IpAddr> {
            addresses.take_in(&ips(last), at(minutes), &series)
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
        // The one that was missing for longest does.
        assert_eq!(taken(4, 2..9), ips(2..9));
        assert_eq!(taken(5, 2..10), ips(2..10));
        // In the end all that is missing goes.
        assert_eq!(taken(15, 2..3), ips(2..3));
        assert_eq!(addresses.series().len(), 8);
        assert_eq!(taken(16, 2..3), ips(2..3));
        assert_eq!(addresses.series().len(), 1);
    }
}
