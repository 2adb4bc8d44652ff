import CLinux

/// Which namespaces a container has for itself, and which it shares with its pod.
public enum ContainerNamespaces {
    /// Made with the container's first process. The cgroup namespace comes later, inside the container's cgroup: its
    /// root is where the process that makes it is (cgroup_namespaces(7)).
    public static var atStart: Int32 { linux_clone_newpid | linux_clone_newns }
    /// Made once the process is in its cgroups.
    public static var inCgroup: Int32 { linux_clone_newcgroup }
    /// What a process that is started in a container joins.
    public static var joined: Int32 {
        atStart | inCgroup | linux_clone_newnet | linux_clone_newipc | linux_clone_newuts
    }
}
