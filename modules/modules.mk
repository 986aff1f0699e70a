# Modules that are built in: one "libbongsu_a_SOURCES += modules/name.c" line each, and a
# BUILTIN(name) row in modules/builtin.def.
libbongsu_a_SOURCES += modules/disco.c
libbongsu_a_SOURCES += modules/ping.c
libbongsu_a_SOURCES += modules/offline.c
libbongsu_a_SOURCES += modules/register.c
libbongsu_a_SOURCES += modules/version.c
libbongsu_a_SOURCES += modules/time.c
libbongsu_a_SOURCES += modules/last.c
libbongsu_a_SOURCES += modules/vcard.c
libbongsu_a_SOURCES += modules/private.c
libbongsu_a_SOURCES += modules/blocking.c
libbongsu_a_SOURCES += modules/discovery.c
libbongsu_a_SOURCES += modules/pep/pep.h modules/pep/pep.c modules/pep/config.c modules/pep/node.c
libbongsu_a_SOURCES += modules/pep/change.c modules/pep/items.c modules/pep/request.c
libbongsu_a_SOURCES += modules/pep/owner.c modules/pep/event.c modules/pep/listener.c
