# Sources of bongsuctl: one "bongsuctl_SOURCES += file.c file.h" line each.
bongsuctl_SOURCES += src/ctl/main.c
bongsuctl_SOURCES += src/ctl/web.c src/ctl/web_bosh.c src/ctl/web_fetch.c src/ctl/web_socket.c src/ctl/web.h
bongsuctl_SOURCES += src/ctl/ask.c src/ctl/complete.c src/ctl/secret.c src/ctl/ctl.h
