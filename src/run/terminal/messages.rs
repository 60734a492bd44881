//! The messages between the wrapper and the monitor, each a kind and a number.

use std::os::fd::OwnedFd;

use crate::run::spawn::NotStarted;
use crate::run::sys::{self, Change};

/// What the monitor reports to the wrapper; signals are reported by the listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Report {
    /// The command is about to be started, in the process with this id.
    Starting(i32),
    /// The command was started, with this process id.
    Started(i32),
    /// The command was not started.
    NotStarted(NotStarted),
    /// The command's state changed.
    Changed(Change),
    /// This signal was sent to the command's process group, by a key of its terminal or by a member of the group.
    Group(i32),
}

/// What the wrapper orders the monitor to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Send a signal to the command.
    Signal(i32),
    /// Send a signal to the command's process group.
    SignalGroup(i32),
    /// Send a signal to the foreground process group of the command's terminal.
    SignalForeground(i32),
    /// Put the command in the foreground.
    Foreground,
    /// Put the command in the background.
    Background,
    /// The user's terminal was closed: close the command's.
    HangUp,
}

/// The kinds of reports.
mod report {
    pub const STARTED: i32 = 0;
    pub const NO_PROCESS: i32 = 1;
    pub const NOT_EXECUTED: i32 = 2;
    pub const EXITED: i32 = 3;
    pub const KILLED: i32 = 4;
    pub const STOPPED: i32 = 5;
    pub const CONTINUED: i32 = 6;
    pub const GROUP: i32 = 7;
    pub const STARTING: i32 = 8;
}

/// The kinds of orders.
mod order {
    pub const SIGNAL: i32 = 0;
    pub const SIGNAL_GROUP: i32 = 1;
    pub const SIGNAL_FOREGROUND: i32 = 2;
    pub const FOREGROUND: i32 = 3;
    pub const BACKGROUND: i32 = 4;
    pub const HANG_UP: i32 = 5;
}

impl Report {
    fn words(self) -> [i32; 2] {
        match self {
            Report::Starting(pid) => [report::STARTING, pid],
            Report::Started(pid) => [report::STARTED, pid],
            Report::NotStarted(NotStarted::NoProcess) => [report::NO_PROCESS, 0],
            Report::NotStarted(NotStarted::NotExecuted(errno)) => [report::NOT_EXECUTED, errno],
            Report::Changed(Change::Exited(code)) => [report::EXITED, code],
            Report::Changed(Change::Killed(signal)) => [report::KILLED, signal],
            Report::Changed(Change::Stopped(signal)) => [report::STOPPED, signal],
            Report::Changed(Change::Continued) => [report::CONTINUED, 0],
            Report::Group(signal) => [report::GROUP, signal],
        }
    }

    fn from_words([what, number]: [i32; 2]) -> Option<Report> {
        Some(match what {
            report::STARTING => Report::Starting(number),
            report::STARTED => Report::Started(number),
            report::NO_PROCESS => Report::NotStarted(NotStarted::NoProcess),
            report::NOT_EXECUTED => Report::NotStarted(NotStarted::NotExecuted(number)),
            report::EXITED => Report::Changed(Change::Exited(number)),
            report::KILLED => Report::Changed(Change::Killed(number)),
            report::STOPPED => Report::Changed(Change::Stopped(number)),
            report::CONTINUED => Report::Changed(Change::Continued),
            report::GROUP => Report::Group(number),
            _ => return None,
        })
    }

    /// Sends the report.
    pub fn send(self, wrapper: &OwnedFd) {
        sys::send(wrapper, self.words());
    }

    /// The next report; `None` if the monitor is gone.
    pub fn receive(socket: &OwnedFd) -> Option<Report> {
        Report::from_words(sys::receive(socket)?)
    }
}

impl Order {
    fn words(self) -> [i32; 2] {
        match self {
            Order::Signal(signal) => [order::SIGNAL, signal],
            Order::SignalGroup(signal) => [order::SIGNAL_GROUP, signal],
            Order::SignalForeground(signal) => [order::SIGNAL_FOREGROUND, signal],
            Order::Foreground => [order::FOREGROUND, 0],
            Order::Background => [order::BACKGROUND, 0],
            Order::HangUp => [order::HANG_UP, 0],
        }
    }

    fn from_words([what, number]: [i32; 2]) -> Option<Order> {
        Some(match what {
            order::SIGNAL => Order::Signal(number),
            order::SIGNAL_GROUP => Order::SignalGroup(number),
            order::SIGNAL_FOREGROUND => Order::SignalForeground(number),
            order::FOREGROUND => Order::Foreground,
            order::BACKGROUND => Order::Background,
            order::HANG_UP => Order::HangUp,
            _ => return None,
        })
    }

    /// Sends the order.
    pub fn send(self, socket: &OwnedFd) {
        sys::send(socket, self.words());
    }

    /// The next order; `None` if the wrapper is gone.
    pub fn receive(socket: &OwnedFd) -> Option<Order> {
        Order::from_words(sys::receive(socket)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_arrives_as_it_was_meant() {
        for report in [
            Report::Starting(42),
            Report::Started(42),
            Report::NotStarted(NotStarted::NoProcess),
            Report::NotStarted(NotStarted::NotExecuted(13)),
            Report::Changed(Change::Exited(3)),
            Report::Changed(Change::Killed(9)),
            Report::Changed(Change::Stopped(20)),
            Report::Changed(Change::Continued),
            Report::Group(2),
        ] {
            assert_eq!(Report::from_words(report.words()), Some(report));
        }
        for order in [
            Order::Signal(1),
            Order::SignalGroup(2),
            Order::SignalForeground(3),
            Order::Foreground,
            Order::Background,
            Order::HangUp,
        ] {
            assert_eq!(Order::from_words(order.words()), Some(order));
        }
        assert_eq!(Report::from_words([99, 0]), None);
        assert_eq!(Order::from_words([99, 0]), None);
    }
}
