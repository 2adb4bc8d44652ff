import Glibc
import Supervision

exit(SupervisorMain.run(arguments: CommandLine.arguments))
