// The libvips calls that govips does not have, or not in the way that the engine needs them: loading from a descriptor
// by a named loader, resampling without detours, colors, and saving with all settings. Each returns 0, or -1 with
// libvips' error buffer filled. Images that are returned belong to the caller.
#ifndef CALOTYPE_VIPS_H
#define CALOTYPE_VIPS_H

#include <vips/vips.h>

typedef struct {
	int quality;     // 1 to 100
	int effort;      // on the scale of the encoder
	int lossless;    // 0 or 1
	int progressive; // 0 or 1
	int palette;     // bits of an index into a palette, 0 for none or the usual
	VipsForeignSubsample subsample;
	int strip;       // 1 leaves out all metadata but the color profile
} CalotypeSaving;

typedef enum { METADATA_NONE, METADATA_COPYRIGHT, METADATA_ALL } CalotypeMetadata;
typedef enum { COLORS_SRGB, COLORS_P3, COLORS_P3_AS_IS, COLORS_OWN } CalotypeColors;
typedef enum { LOAD_JPEG, LOAD_PNG, LOAD_GIF, LOAD_WEBP, LOAD_HEIF, LOAD_TIFF, LOAD_JXL, LOAD_SVG, LOAD_PDF } CalotypeLoader;
typedef enum { SAVE_JPEG, SAVE_PNG, SAVE_GIF, SAVE_WEBP, SAVE_AVIF, SAVE_TIFF, SAVE_ICO, SAVE_JXL } CalotypeSaver;

void calotype_set_up(void);
void calotype_keep_memory(void);
void calotype_release_memory(void);
int calotype_loaded_libraries(void);
int calotype_can(const char *operation);
int calotype_load(int descriptor, CalotypeLoader loader, int shrink, int page, int n, VipsImage **out);
int calotype_load_bytes(const void *data, size_t length, CalotypeLoader loader, VipsImage **out);
int calotype_decodes_hevc(void);
void calotype_set_profile(VipsImage *image, const void *profile, size_t length);
int calotype_new_picture(int width, int height, int bands, VipsImage **out, void **pixels);
int calotype_copy_to_memory(VipsImage *in, VipsImage **out);
int calotype_to_working(VipsImage *in, VipsImage **out, int deep, CalotypeColors colors);
void *calotype_profile(VipsImage *in, size_t *length);
int calotype_fits_profile(VipsImage *in);
int calotype_to_space_of(VipsImage *in, VipsImage *like, VipsImage **out);
int calotype_is_srgb(VipsImage *in);
void calotype_set_display_p3(const void *profile, size_t length);
int calotype_ink(VipsImage *in, double *color, double *ink);
int calotype_open_gain_map(int descriptor, VipsImage **out, double *numbers);
void *calotype_gain_map_data(VipsImage *in, size_t *length);
int calotype_decode_gain_map(VipsImage *in, int shrink, VipsImage **out);
int calotype_part(VipsImage *in, VipsImage **out, double left, double top, double across, double down, int width, int height);
int calotype_resample(VipsImage *in, VipsImage **out, int width, int height, VipsKernel kernel);
int calotype_round_to(VipsImage *in, VipsImage **out, VipsBandFormat format);
int calotype_premultiply(VipsImage *in, VipsImage **out);
int calotype_unpremultiply(VipsImage *in, VipsImage **out, VipsBandFormat format);
int calotype_embed(VipsImage *in, VipsImage **out, int left, int top, int width, int height, double *color, int n);
int calotype_spin(VipsImage *in, VipsImage **out, double sine, double cosine, int width, int height, double *color, int n);
int calotype_lay_on(VipsImage *in, VipsImage **out, double *color, int n);
int calotype_frame(VipsImage *in, VipsImage **out, int top, int height);
int calotype_join(VipsImage **frames, int n, int page_height, VipsImage **out);
int calotype_affine(VipsImage *in, VipsImage **out, double *factors, double *offsets, int n);
int calotype_map(VipsImage *in, VipsImage **out, void *table, int deep);
int calotype_tint(VipsImage *in, VipsImage **out, double *color);
int calotype_levels(VipsImage *in, int percent, int *darkest, int *lightest);
int calotype_fade(VipsImage *in, VipsImage **out, double factor, void *mask);
int calotype_blur(VipsImage *in, VipsImage **out, double *weights, int n, double sum);
int calotype_pixelate(VipsImage *in, VipsImage **out, int side);
int calotype_median(VipsImage *in, VipsImage **out, int side);
int calotype_embed_edges(VipsImage *in, VipsImage **out, int left, int top, int width, int height, VipsExtend extend);
int calotype_embed_blurred(VipsImage *in, VipsImage **out, int left, int top, int width, int height, double *weights, int n, double sum);
int calotype_from_samples(void *samples, int width, int height, VipsImage **out);
int calotype_lay_over(VipsImage *in, VipsImage *stamp, VipsImage **out, int left, int top, int gap, VipsBlendMode mode, int removes);
int calotype_smart_crop(VipsImage *in, VipsImage **out, int width, int height, VipsInteresting interesting);
int calotype_corner(VipsImage *in, double *samples);
int calotype_find_trim(VipsImage *in, double threshold, double *color, int *box);
int calotype_with_metadata(VipsImage *in, VipsImage **out, CalotypeMetadata which);
int calotype_save(VipsImage *in, CalotypeSaver saver, CalotypeSaving *how, void **buffer, size_t *length);

#endif
