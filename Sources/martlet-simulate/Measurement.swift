import Model
import Simulation

/// How fast simulations are: 20 nodes, with users at work and every checker watching.
enum Measurement {
    static func run(isJSON: Bool) {
        var figures = Figures()
        let begin = monotonic()
        // Seeds like any other, but for the number of nodes.
        for seed in 1...10 as ClosedRange<UInt64> {
            var selection = Selection()
            selection.nodes = 20
            figures = figures + Simulation.run(Plan(seed: seed, only: selection)).figures
        }
        let seconds = monotonic() - begin
        let rate = Double(figures.events) / seconds
        let speed = figures.simulated.inSeconds / seconds
        if isJSON {
            print(
                "{\"nodes\":20,\"seeds\":10,\"events\":\(figures.events),\"seconds\":\(rounded(seconds)),"
                    + "\"eventsPerSecond\":\(Int(rate)),\"simulatedSeconds\":\(figures.simulated.wholeSeconds),"
                    + "\"timesRealTime\":\(Int(speed))}")
        } else {
            print("20 nodes, 10 seeds: \(figures.events) events in \(rounded(seconds)) s: \(Int(rate)) events/s")
            print("\(figures.simulated.wholeSeconds) simulated seconds: \(Int(speed)) times real time")
        }
    }

    private static func rounded(_ value: Double) -> Double { (value * 1000).rounded() / 1000 }
}
