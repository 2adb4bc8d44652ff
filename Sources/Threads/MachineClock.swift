import Glibc
public import Model

/// The clocks of the machine, for those at the edges who may read one.
public enum MachineClock {
    /// The wall clock (clock_gettime(2), CLOCK_REALTIME).
    public static var wall: Timestamp { Timestamp(nanoseconds: read(CLOCK_REALTIME)) }

    /// The clock that never jumps and also counts while the machine is suspended (CLOCK_BOOTTIME).
    public static var monotonic: TimeSpan { TimeSpan(nanoseconds: read(CLOCK_BOOTTIME)) }

    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
