/* Texts of the files in assets/, which the build turns into C strings (assets/embed.awk). */
#ifndef SEEP_REPORT_ASSETS_H
#define SEEP_REPORT_ASSETS_H

extern const char asset_flamegraph_css[];
extern const char asset_flamegraph_js[];
extern const char asset_report_css[];
extern const char asset_report_html[];
extern const char asset_report_js[];

#endif
