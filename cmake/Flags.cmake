# How every target of the project is compiled: one interface library that all of them link.

set(EPOCHD_SANITIZE "" CACHE STRING "Sanitizers to build with, as -fsanitize= takes them")
option(EPOCHD_COVERAGE "Build for gcov" OFF)
option(EPOCHD_WERROR "Treat warnings as errors" ON)

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()
# Assertions stay out of a release, but -O3 would cost build time outside the engine, which asks for it itself.
set(CMAKE_C_FLAGS_RELEASE "-O2 -g1 -DNDEBUG")

add_library(epochd_flags INTERFACE)
target_include_directories(epochd_flags INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_definitions(epochd_flags INTERFACE _GNU_SOURCE)
target_compile_options(epochd_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wcast-qual
  -Wformat=2 -Wundef -Wpointer-arith -Wwrite-strings -Wswitch-enum -Wimplicit-fallthrough
  # The bits of a result must not depend on which multiplications a compiler chose to fuse.
  -ffp-contract=off)
if(EPOCHD_WERROR)
  target_compile_options(epochd_flags INTERFACE -Werror)
endif()

if(EPOCHD_SANITIZE)
  target_compile_options(epochd_flags INTERFACE
    -fsanitize=${EPOCHD_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(epochd_flags INTERFACE -fsanitize=${EPOCHD_SANITIZE})
else()
  target_compile_options(epochd_flags INTERFACE -fstack-protector-strong)
  target_compile_definitions(epochd_flags INTERFACE $<$<CONFIG:Release>:_FORTIFY_SOURCE=2>)
  target_link_options(epochd_flags INTERFACE -Wl,-z,relro,-z,now)
endif()
if(EPOCHD_COVERAGE)
  target_compile_options(epochd_flags INTERFACE --coverage)
  target_link_options(epochd_flags INTERFACE --coverage)
endif()

# epochd_library(NAME SOURCES... ) makes one folder's static library.
function(epochd_library name)
  add_library(${name} STATIC ${ARGN})
  target_link_libraries(${name} PUBLIC epochd_flags)
endfunction()
