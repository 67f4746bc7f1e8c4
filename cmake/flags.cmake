# One interface target carries the flags every folder is compiled with.
add_library(ph_flags INTERFACE)
target_include_directories(ph_flags INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_definitions(ph_flags INTERFACE _GNU_SOURCE)
target_compile_options(ph_flags INTERFACE
  -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2
  -fstack-protector-strong -fno-omit-frame-pointer)
target_link_options(ph_flags INTERFACE -pie -Wl,-z,relro,-z,now)

if(PH_SANITIZE)
  target_compile_options(ph_flags INTERFACE -fsanitize=${PH_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(ph_flags INTERFACE -fsanitize=${PH_SANITIZE})
else()
  target_compile_definitions(ph_flags INTERFACE $<$<NOT:$<CONFIG:Debug>>:_FORTIFY_SOURCE=2>)
endif()

if(PH_FUZZ)
  target_compile_options(ph_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

# ph_library(<target> SOURCES ... [LINKS ...]): one folder, one static library. Links are private
# to the folder; what a header needs of another folder's header comes through the include root.
function(ph_library target)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINKS" ${ARGN})
  add_library(${target} STATIC ${ARG_SOURCES})
  target_link_libraries(${target} PRIVATE ph_flags ${ARG_LINKS})
endfunction()
