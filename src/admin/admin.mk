# Sources of src/admin, one "libbongsu_a_SOURCES += file.c file.h" line each.
libbongsu_a_SOURCES += src/admin/command.c src/admin/command.h src/admin/command_own.h
libbongsu_a_SOURCES += src/admin/args.c src/admin/call.c src/admin/help.c src/admin/print.c src/admin/socket.c
libbongsu_a_SOURCES += src/admin/commands_account.c src/admin/commands_session.c
libbongsu_a_SOURCES += src/admin/commands_roster.c src/admin/commands_message.c src/admin/commands_server.c
libbongsu_a_SOURCES += src/admin/commands_archive.c
libbongsu_a_SOURCES += src/admin/commands_export.c src/admin/commands_import.c
libbongsu_a_SOURCES += src/admin/import_own.h src/admin/import_read.c
