import Glibc

/// Runs a program to its end, with this one's environment. What it prints goes to standard error, or nowhere.
func run(_ words: [String], isQuiet: Bool = false) throws {
    var arguments = words.map { strdup($0) } + [nil]
    defer { for argument in arguments { free(argument) } }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    if isQuiet {
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
    } else {
        posix_spawn_file_actions_adddup2(&actions, 2, 1)
    }
    var pid = pid_t()
    let code = posix_spawnp(&pid, words[0], &actions, nil, &arguments, environ)
    guard code == 0 else { throw BenchmarkError("cannot run \(words[0]): \(String(cString: strerror(code)))") }
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0 && errno == EINTR {}
    guard status == 0 else { throw BenchmarkError("\(words.joined(separator: " ")) failed") }
}
