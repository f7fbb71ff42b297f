/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The compiled BPF objects, inside bailiffd.
 *
 * Embedded and not read from a folder, so that what is loaded is what was built: nobody can put
 * another object under the running agent, and a restart needs no file but the program itself.
 */
	.section .rodata.bpf, "a", @progbits

	.macro object name
	.balign 16
	.global object_\name
	.type object_\name, @object
object_\name:
	.incbin "\name\().bpf.o"
	.size object_\name, . - object_\name
	.global object_\name\()_end
object_\name\()_end:
	.byte 0
	.endm

	object sensor_exec
	object sensor_auth
	object sensor_net
	object sensor_signal
	object lockout
	object lockout_session
	object guard

	.section .note.GNU-stack, "", @progbits
