//! What a process has used, and what the machine withheld, as Linux tells it in `/proc`.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::FileExt,
    time::Duration,
};

/// Length of a clock tick in `/proc`, on every architecture that Linux serves.
const TICK: Duration = Duration::from_millis(10);

/// What a process has used so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    /// Time on a CPU, of all threads and of the kernel for them.
    pub(crate) cpu: Duration,
    /// Memory that is in RAM.
    pub(crate) rss_bytes: u64,
    /// The most that ever was.
    pub(crate) peak_rss_bytes: u64,
}

/// What all CPUs of the machine have done so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Machine {
    /// Time in which one was wanted and the host of a virtual machine ran something else.
    pub(crate) stolen: Duration,
    /// Time in which one ran a program of this machine, or the kernel for one. Without interrupts, which are nobody's:
    /// most of them are the network's, for the server and this program.
    pub(crate) busy: Duration,
    /// All time, idle or not, of all of them.
    pub(crate) total: Duration,
}

/// A process to look at. Its files stay open, so that it can be looked at when no more can be opened.
#[derive(Debug)]
pub(crate) struct Process {
    stat: File,
    status: File,
}

/// The machine to look at; its file stays open, too.
#[derive(Debug)]
pub(crate) struct Cpus(File);

impl Process {
    /// The one with this id; `None` if there is none, or not on this machine.
    pub(crate) fn with_id(pid: u32) -> Option<Self> {
        let open = |file| File::open(format!("/proc/{pid}/{file}")).ok();
        Some(Self {
            stat: open("stat")?,
            status: open("status")?,
        })
    }

    /// What it has used up to now; `None` if it has ended.
    pub(crate) fn usage(&self) -> Option<Usage> {
        Usage::parse(&beginning(&self.stat).ok()?, &beginning(&self.status).ok()?)
    }
}

impl Cpus {
    /// Those of this machine.
    pub(crate) fn open() -> Option<Self> {
        File::open("/proc/stat").ok().map(Self)
    }

    /// What they have done up to now.
    pub(crate) fn now(&self) -> Option<Machine> {
        Machine::parse(&beginning(&self.0).ok()?)
    }
}

/// What such a file begins with; what is looked for in one is never far behind.
fn beginning(file: &File) -> io::Result<String> {
    let mut bytes = [0; 4096];
    let length = file.read_at(&mut bytes, 0)?;
    Ok(String::from_utf8_lossy(&bytes[..length]).into_owned())
}

impl Usage {
    fn parse(stat: &str, status: &str) -> Option<Self> {
        // The second field is the program's name in parentheses, which may hold anything.
        let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
        let user: u32 = fields.next()?.parse().ok()?;
        let kernel: u32 = fields.next()?.parse().ok()?;
        Some(Self {
            cpu: TICK * user.checked_add(kernel)?,
            rss_bytes: kib_field(status, "VmRSS:")?,
            peak_rss_bytes: kib_field(status, "VmHWM:")?,
        })
    }
}

impl Machine {
    fn parse(stat: &str) -> Option<Self> {
        let all = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
        let ticks: Vec<u64> = all
            .split_ascii_whitespace()
            .map_while(|ticks| ticks.parse().ok())
            .collect();
        let time = |ticks: u64| Duration::from_millis(ticks.saturating_mul(10));
        // What follows are guests, which are in the others already.
        let &[
            user,
            nice,
            system,
            idle,
            waiting,
            interrupts,
            soft_interrupts,
            stolen,
        ] = ticks.first_chunk()?;
        let busy = user + nice + system;
        Some(Self {
            stolen: time(stolen),
            busy: time(busy),
            total: time(busy + interrupts + soft_interrupts + idle + waiting + stolen),
        })
    }

    /// Which part of all CPU time since then was stolen, 0 to 1.
    pub(crate) fn stolen_since(&self, earlier: &Self) -> f64 {
        let total = self.total.saturating_sub(earlier.total).as_secs_f64();
        let stolen = self.stolen.saturating_sub(earlier.stolen).as_secs_f64();
        if total > 0.0 { stolen / total } else { 0.0 }
    }
}

/// What the kernel says of itself, for the heading of a report.
pub(crate) fn kernel() -> String {
    let read = |file| fs::read_to_string(format!("/proc/sys/kernel/{file}")).unwrap_or_default();
    let name = format!("{} {}", read("ostype").trim(), read("osrelease").trim());
    name.trim().to_owned()
}

/// The value of a line like `VmRSS:   1234 kB`.
fn kib_field(status: &str, name: &str) -> Option<u64> {
    let value = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = value.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "4242 (a) name (x) S 1 4242 4242 0 -1 4194560 1500 0 3 0 250 125 0 0 20 0 7 0 \
                        90000 500000000 30000 18446744073709551615 1 1 0 0 0 0 0 4096 0 0 0 0 17 1 0 0";
    const STATUS: &str =
        "Name:\ta) name (x\nVmPeak:\t  999 kB\nVmHWM:\t  2048 kB\nVmRSS:\t  1024 kB\n";

    #[test]
    fn usage_is_read_whatever_the_program_is_called() {
        let usage = Usage::parse(STAT, STATUS).unwrap();
        assert_eq!(
            usage,
            Usage {
                cpu: Duration::from_millis(3750),
                rss_bytes: 1 << 20,
                peak_rss_bytes: 2 << 20,
            }
        );
    }

    #[test]
    fn a_process_that_has_ended_uses_nothing() {
        // A zombie has no memory.
        assert_eq!(Usage::parse(STAT, "Name:\tx\nState:\tZ (zombie)\n"), None);
        assert_eq!(Usage::parse("", ""), None);
        assert!(Process::with_id(u32::MAX).is_none());
    }

    #[test]
    fn own_usage_is_known() {
        let own = Process::with_id(std::process::id()).unwrap();
        let usage = own.usage().unwrap();
        assert!(usage.rss_bytes > 0 && usage.peak_rss_bytes >= usage.rss_bytes);
        // The same files tell more later.
        assert!(own.usage().unwrap().cpu >= usage.cpu);
        assert!(Cpus::open().unwrap().now().unwrap().busy > Duration::ZERO);
    }

    #[test]
    fn stolen_time_is_a_part_of_all_time() {
        let earlier = Machine::parse("cpu  100 0 50 800 20 0 10 20 0 0\ncpu0 1 1\n").unwrap();
        let later = Machine::parse("cpu  150 0 60 820 20 3 20 40 5 0\n").unwrap();
        assert_eq!(earlier.total, Duration::from_secs(10));
        assert_eq!(later.busy - earlier.busy, Duration::from_millis(600));
        // 20 ticks of 113.
        assert!((later.stolen_since(&earlier) - 20.0 / 113.0).abs() < 1e-9);
        assert!(earlier.stolen_since(&earlier).abs() < 1e-9);
        assert_eq!(Machine::parse("intr 1 2 3"), None);
    }
}
