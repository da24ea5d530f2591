//! Faults, schedules, journal and the fault proxy.
