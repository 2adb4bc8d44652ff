import Glibc

// What the benchmarks' pods run: an HTTP server that is small, fast, and ends as one should. `/` is answered at once,
// `/slow/MS` after so many milliseconds. At SIGTERM it finishes the requests that it has, and ends.
//
// usage: pod-server PORT

// Waited for by epoll_pwait(2) alone, so that no signal comes between the question and the wait.
var blocked = sigset_t()
sigemptyset(&blocked)
sigaddset(&blocked, SIGTERM)
sigprocmask(SIG_BLOCK, &blocked, nil)
signal(SIGTERM) { _ in }
signal(SIGPIPE, SIG_IGN)

guard CommandLine.arguments.count == 2, let port = UInt16(CommandLine.arguments[1]),
    var server = Server(port: port)
else {
    print("usage: pod-server PORT; the port must be free")
    exit(2)
}
server.run()
