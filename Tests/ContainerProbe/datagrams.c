// A server that the end-to-end tests run in pods: it answers every datagram with the name of its host.
//
//   datagrams PORT
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int count, char **arguments) {
    int server = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_port = htons(atoi(arguments[count - 1]))};
    if (bind(server, (struct sockaddr *)&own, sizeof own) != 0) return 1;
    for (;;) {
        char name[256] = "";
        struct sockaddr_in client;
        socklen_t size = sizeof client;
        if (recvfrom(server, name, sizeof name, 0, (struct sockaddr *)&client, &size) < 0) return 1;
        gethostname(name, sizeof name - 1);
        sendto(server, name, strlen(name), 0, (struct sockaddr *)&client, size);
    }
}
