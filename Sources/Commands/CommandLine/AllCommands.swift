extension Program {
    /// Every command, in the order in which the help lists them.
    static var allCommands: [Command] {
        []
    }
}
