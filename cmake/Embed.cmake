# epochd_embed(TARGET FILE NAME) compiles FILE into TARGET as `const unsigned char NAME[]` and `const size_t
# NAME_size`, made anew when FILE changes.
#
# Run as a script (cmake -P, with INPUT, OUTPUT and NAME) it writes that C file.

if(CMAKE_SCRIPT_MODE_FILE)
  file(READ "${INPUT}" bytes HEX)
  string(REGEX REPLACE "(................................)" "\\1\n" bytes "${bytes}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
  file(WRITE "${OUTPUT}" "#include <stddef.h>\n\n"
    "extern const unsigned char ${NAME}[];\nextern const size_t ${NAME}_size;\n\n"
    "const unsigned char ${NAME}[] = {\n${bytes}\n};\nconst size_t ${NAME}_size = sizeof ${NAME};\n")
  return()
endif()

set(EPOCHD_EMBED_SCRIPT ${CMAKE_CURRENT_LIST_FILE})

function(epochd_embed target file name)
  set(output ${CMAKE_CURRENT_BINARY_DIR}/${name}.c)
  add_custom_command(OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -DINPUT=${file} -DOUTPUT=${output} -DNAME=${name} -P ${EPOCHD_EMBED_SCRIPT}
    DEPENDS ${file} ${EPOCHD_EMBED_SCRIPT}
    VERBATIM)
  target_sources(${target} PRIVATE ${output})
endfunction()
