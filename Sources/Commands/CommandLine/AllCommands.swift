import ContainerRuntime

extension Program {
    /// Every command, in the order in which the help lists them.
    static var allCommands: [Command] {
        [
            UpCommand.command, ApplyCommand.command, DiffCommand.command, GetCommand.command, DescribeCommand.command,
            DeleteCommand.command, LogsCommand.command, ExecCommand.command, ScaleCommand.command,
            EventsCommand.command, TopCommand.command,
            WaitCommand.command,
        ] + ImageCommands.all + [
            BackupCommand.command, RestoreCommand.command, FsckCommand.command, DoctorCommand.command,
            CleanupCommand.command, WaitReadyCommand.command, CompletionCommand.command,
            VersionCommand.command, CompletionCommand.helper, unpackHelper,
        ]
    }

    /// `martlet internal-unpack`: the confined process in which layers are unpacked.
    private static var unpackHelper: Command {
        Command(path: ["internal-unpack"], summary: "Unpack a layer", passesThrough: true, isHidden: true) { call in
            LayerUnpackHelper.run(arguments: call.arguments + call.passed)
        }
    }
}
